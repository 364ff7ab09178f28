/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/dgx1.c -- servers with eight V100 on a cube mesh of NVLinks: DGX-1V with
 * one NIC or InfiniBand rails, and Amazon's p3.16xlarge.
 *
 * With one NIC, on PCIe switch 0, the servers are zones round a switch, and what goes to the NIC
 * shares PCI Express with what GPUs without an NVLink between them say. The links of all stand in
 * the outer zone: SimGrid looks a name up zone by zone. With rails, write.h's servers.
 */
#include "sim/platform/families/write.h"

enum { GPUS_PER_SWITCH = 2, GPUS_PER_SOCKET = 4, MOST_RAILS = 4 };

/* NVLinks between GPU pairs of a DGX-1V; as a cube mesh with six links a GPU. */
static const int nvlinks[SM_GPUS][SM_GPUS] = {
    {0, 2, 1, 1, 2, 0, 0, 0}, {2, 0, 1, 2, 0, 1, 0, 0}, {1, 1, 0, 2, 0, 0, 2, 0},
    {1, 2, 2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2, 1, 1}, {0, 1, 0, 0, 2, 0, 1, 2},
    {0, 0, 2, 0, 1, 1, 0, 2}, {0, 0, 0, 1, 1, 2, 2, 0},
};

/* One ring over the double links, one over the single ones, each in both directions: every link
 * direction carries exactly one ring a link. */
static const char rings[] = "2:0-1-3-2-6-7-5-4 2:4-5-7-6-2-3-1-0 "
                            "1:0-2-1-5-6-4-7-3 1:3-7-4-6-5-1-2-0";

static void
write_hop(FILE *out, size_t server, const char *link, int index, const char *direction)
{
    fprintf(out, "<link_ctn id=\"server%zu_%s%d\" direction=\"%s\"/>", server, link, index,
            direction);
}

/* From GPU i up to the PCIe switch of `plx`, over the CPUs where that is another switch. */
static void
write_way_to_switch(FILE *out, size_t server, int i, int plx)
{
    int own = i / GPUS_PER_SWITCH;
    write_hop(out, server, "pcie", i, "UP");
    if (own == plx)
        return;
    write_hop(out, server, "plx", own, "UP");
    int socket = i / GPUS_PER_SOCKET;
    if (socket != plx * GPUS_PER_SWITCH / GPUS_PER_SOCKET)
        fprintf(out, "<link_ctn id=\"server%zu_qpi\" direction=\"%s\"/>", server,
                socket == 0 ? "UP" : "DOWN");
    write_hop(out, server, "plx", plx, "DOWN");
}

static void
write_links(const struct sm_platform_settings *s, size_t server, FILE *out)
{
    static const struct sm_wire pcie = {{"15.754GBps"}, {"1.2us"}, 0.762};
    static const struct sm_wire qpi = {{"19.2GBps"}, {"0.9us"}, 0.3125};
    (void)s;
    for (int i = 0; i < SM_GPUS; i++)
        for (int j = i + 1; j < SM_GPUS; j++) {
            struct sm_wire nvlink = {sm_gigabytes(25e9 * nvlinks[i][j]), {"3.4us"}, 0.9};
            if (nvlinks[i][j] > 0)
                sm_write_link(out, "    ", &nvlink, "server%zu_nvlink_%d_%d", server, i, j);
        }
    for (int i = 0; i < SM_GPUS; i++)
        sm_write_link(out, "    ", &pcie, "server%zu_pcie%d", server, i);
    for (int i = 0; i < SM_GPUS / GPUS_PER_SWITCH; i++)
        sm_write_link(out, "    ", &pcie, "server%zu_plx%d", server, i);
    sm_write_link(out, "    ", &qpi, "server%zu_qpi", server);
}

static void
write_way(size_t server, int i, int j, FILE *out)
{
    if (nvlinks[i][j] > 0) {
        fprintf(out, "<link_ctn id=\"server%zu_nvlink_%d_%d\" direction=\"%s\"/>", server,
                i < j ? i : j, i < j ? j : i, i < j ? "UP" : "DOWN");
    } else {
        write_way_to_switch(out, server, i, j / GPUS_PER_SWITCH);
        write_hop(out, server, "pcie", j, "DOWN");
    }
}

static void
write_server(const struct sm_platform_settings *s, size_t server, FILE *out)
{
    fprintf(out, "    <zone id=\"server%zu\" routing=\"Full\">\n", server);
    for (int i = 0; i < SM_GPUS; i++) {
        fprintf(out,
                "      <host id=\"server%zu_gpu%d\" speed=\"%s\">"
                "<prop id=\"worker\" value=\"%zu\"/><prop id=\"device\" value=\"%d\"/>",
                server, i, sm_teraflops(s->speed).text, server, i);
        if (i == 0)
            fprintf(out, "\n        <prop id=\"rings\" value=\"%s\"/>", rings);
        fputs("</host>\n", out);
    }
    fprintf(out, "      <router id=\"server%zu_nic\"/>\n", server);
    for (int i = 0; i < SM_GPUS; i++) {
        for (int j = i + 1; j < SM_GPUS; j++) {
            fprintf(out, "      <route src=\"server%zu_gpu%d\" dst=\"server%zu_gpu%d\">", server, i,
                    server, j);
            write_way(server, i, j, out);
            fputs("</route>\n", out);
        }
        fprintf(out, "      <route src=\"server%zu_gpu%d\" dst=\"server%zu_nic\">", server, i,
                server);
        write_way_to_switch(out, server, i, 0);
        fputs("</route>\n", out);
    }
    fputs("    </zone>\n", out);
}

static enum sm_status
write_one_nic(const struct sm_platform_settings *s, FILE *out)
{
    struct sm_wire nic = sm_nic(s);
    fprintf(out,
            "  <zone id=\"world\" routing=\"%s\">\n"
            "    <zone id=\"ethernet\" routing=\"Full\"><router id=\"switch\"/></zone>\n",
            sm_routing_round_a_router(s->nodes));
    for (size_t server = 0; server < s->nodes; server++) {
        write_links(s, server, out);
        sm_write_link(out, "    ", &nic, "server%zu_eth", server);
    }
    for (size_t server = 0; server < s->nodes; server++)
        write_server(s, server, out);
    for (size_t server = 0; server < s->nodes; server++)
        fprintf(out,
                "    <zoneRoute src=\"server%zu\" dst=\"ethernet\" gw_src=\"server%zu_nic\" "
                "gw_dst=\"switch\"><link_ctn id=\"server%zu_eth\" direction=\"UP\"/></zoneRoute>\n",
                server, server, server);
    fputs("  </zone>\n</platform>\n", out);
    return SM_OK;
}

#define INSIDE                                                                                     \
    "  In serverN: serverN_nvlink_I_J the NVLinks between GPUs I and J (two are one link of\n"     \
    "  50GBps), serverN_pcieI from GPU I to its PCIe switch (two GPUs each), serverN_plxI from\n"  \
    "  PCIe switch I to its CPU, serverN_qpi between the CPUs, and "

static enum sm_status
dgx1_write(const struct sm_platform_settings *s, FILE *out)
{
    if (s->rails == 1) {
        sm_write_head(
            out,
            "  DGX-1V servers on one non-blocking Ethernet switch: a worker is a server with 8 "
            "V100.\n" INSIDE "serverN_eth, the NIC, on\n"
            "  PCIe switch 0 beside GPU 0, which talks to the other servers.\n"
            "  Change the network:     sed 's/10Gbps/25Gbps/' FILE\n"
            "  Slow down one NIC:      sed '/server3_eth/s/10Gbps/1Gbps/' FILE\n"
            "  Change the GPUs:        sed 's/15.7Tf/19.5Tf/' FILE\n"
            "  The source of every number: platforms/README.md\n");
        return write_one_nic(s, out);
    }
    if (s->rails > MOST_RAILS)
        return SM_FAIL(SM_ERR_INPUT,
                       "rails: a DGX-1 has a NIC on each of its %d PCIe switches at "
                       "most, got %zu",
                       MOST_RAILS, s->rails);
    static const struct sm_rail_server server = {
        "  DGX-1V servers on one non-blocking InfiniBand fabric: a worker is a server with 8 "
        "V100.\n" INSIDE "serverN_ibI, NIC I,\n"
        "  beside the GPUs that it serves, with its way over PCI Express.\n"
        "  The source of every number: platforms/README.md\n",
        rings, NULL, write_links, write_way};
    return sm_write_rail_servers(s, &server, out);
}

static enum sm_status
p3_write(const struct sm_platform_settings *s, FILE *out)
{
    sm_write_head(out, "  Amazon EC2 p3.16xlarge in one placement group: a worker is an instance "
                       "with 8 V100.\n" INSIDE "serverN_eth, the NIC.\n"
                       "  The source of every number: platforms/README.md\n");
    return write_one_nic(s, out);
}

static const struct sm_param dgx1_params[] = {
    SM_SETTING_NODES(32, 4096, "servers, one worker each"),
    SM_SETTING(rails, 1, 1, SM_GPUS, SM_UNIT_NONE, "NICs of a server: 1, 2 or 4"),
    SM_SETTING_NIC(1.25e9),
    SM_SETTING_LATENCY(10e-6),
    SM_SETTING_GOODPUT(0.9564),
    SM_SETTING_SPEED(15.7e12),
    SM_PARAM_END,
};
static const struct sm_param p3_params[] = {
    SM_SETTING_NODES(8, 4096, "instances, one worker each"),
    SM_SETTING_NIC(25e9 / 8),
    SM_SETTING_LATENCY(25e-6),
    SM_SETTING_GOODPUT(0.9927),
    SM_SETTING_SPEED(15.7e12),
    SM_PARAM_END,
};

const struct sm_platform_family sm_platform_dgx1 = {
    "dgx1", "DGX-1V servers (8 V100, NVLink mesh, one NIC or rails) on one switch", dgx1_params,
    dgx1_write};
const struct sm_platform_family sm_platform_p3_16xlarge = {
    "p3_16xlarge", "Amazon EC2 instances with 8 V100 and 25 Gbit/s", p3_params, p3_write};
