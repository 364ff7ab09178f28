/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/rails.c -- servers of GPUs with several NICs on one fabric.
 *
 * All GPUs stand in one Cluster zone: between servers a message takes the sender's NIC and the
 * receiver's, found without a table. The ways inside a server bypass that.
 */
#include "sim/platform/families/write.h"

static void
write_gpus(const struct sm_platform_settings *s, const struct sm_rail_server *server, size_t index,
           FILE *out)
{
    for (size_t i = 0; i < SM_GPUS; i++) {
        fprintf(out,
                "    <host id=\"server%zu_gpu%zu\" speed=\"%s\">"
                "<prop id=\"worker\" value=\"%zu\"/><prop id=\"device\" value=\"%zu\"/>",
                index, i, sm_teraflops(s->speed).text, index, i);
        if (i == 0 && server->rings != NULL)
            fprintf(out, "\n      <prop id=\"rings\" value=\"%s\"/>", server->rings);
        if (i == 0 && server->collective != NULL)
            fprintf(out, "\n      <prop id=\"collective\" value=\"%s\"/>", server->collective);
        if (i == 0 && s->rails > 1) {
            fputs("\n      <prop id=\"rails\" value=\"0", out);
            for (size_t r = 1; r < s->rails; r++)
                fprintf(out, "-%zu", r * SM_GPUS / s->rails);
            fputs("\"/>", out);
        }
        fputs("</host>\n", out);
    }
}

enum sm_status
sm_write_rail_servers(const struct sm_platform_settings *s, const struct sm_rail_server *server,
                      FILE *out)
{
    struct sm_wire nic = sm_nic(s);
    size_t gpus_a_nic = SM_GPUS / s->rails;
    if (gpus_a_nic * s->rails != SM_GPUS)
        return SM_FAIL(SM_ERR_INPUT, "rails: expected 1, 2, 4 or 8 NICs for %d GPUs, got %zu",
                       SM_GPUS, s->rails);
    sm_write_head(out, server->comment);
    fputs("  <zone id=\"world\" routing=\"Cluster\">\n", out);
    for (size_t index = 0; index < s->nodes; index++)
        write_gpus(s, server, index, out);
    for (size_t index = 0; index < s->nodes; index++) {
        server->links(s, index, out);
        for (size_t r = 0; r < s->rails; r++)
            sm_write_link(out, "    ", &nic, "server%zu_ib%zu", index, r);
    }
    for (size_t index = 0; index < s->nodes; index++)
        for (size_t i = 0; i < SM_GPUS; i++) {
            char host[48];
            snprintf(host, sizeof host, "server%zu_gpu%zu", index, i);
            sm_write_host_link(out, host, "server%zu_ib%zu", index, i / gpus_a_nic);
        }
    for (size_t index = 0; index < s->nodes; index++)
        for (int i = 0; i < SM_GPUS; i++)
            for (int j = 0; j < SM_GPUS; j++) {
                if (i == j)
                    continue;
                fprintf(out, "    <bypassRoute src=\"server%zu_gpu%d\" dst=\"server%zu_gpu%d\">",
                        index, i, index, j);
                server->way(index, i, j, out);
                fputs("</bypassRoute>\n", out);
            }
    fputs("  </zone>\n</platform>\n", out);
    return SM_OK;
}
