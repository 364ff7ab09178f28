/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/star.c -- hosts on one switch; any number of them loads at once. */
#include "sim/platform/families/write.h"

static enum sm_status
star_write(const struct sm_platform_settings *s, FILE *out)
{
    struct sm_wire nic = sm_nic(s);
    sm_write_head(out,
                  "  Hosts on one non-blocking switch; every host is a worker with one device.\n"
                  "  Change the network:    sed 's/10Gbps/25Gbps/' FILE\n"
                  "  Change one host's NIC: edit the link node3_eth. Sources: "
                  "platforms/README.md\n");
    fputs("  <zone id=\"world\" routing=\"Cluster\">\n", out);
    for (size_t i = 0; i < s->nodes; i++)
        fprintf(out, "    <host id=\"node%zu\" speed=\"%s\"/>\n", i, sm_teraflops(s->speed).text);
    for (size_t i = 0; i < s->nodes; i++)
        sm_write_link(out, "    ", &nic, "node%zu_eth", i);
    for (size_t i = 0; i < s->nodes; i++) {
        char host[32];
        snprintf(host, sizeof host, "node%zu", i);
        sm_write_host_link(out, host, "node%zu_eth", i);
    }
    fputs("  </zone>\n</platform>\n", out);
    return SM_OK;
}

static const struct sm_param star_params[] = {
    SM_SETTING_NODES(8, SM_LARGEST_STAR, "hosts, one worker each"),
    SM_SETTING_NIC(1.25e9),
    SM_SETTING_LATENCY(10e-6),
    SM_SETTING_GOODPUT(0.9564),
    SM_SETTING_SPEED(15.7e12),
    SM_PARAM_END,
};

const struct sm_platform_family sm_platform_star = {"star", "hosts on one switch, a worker each",
                                                    star_params, star_write};
