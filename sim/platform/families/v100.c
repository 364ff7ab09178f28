/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/v100.c -- servers with one V100 and one NIC each. */
#include "sim/platform/families/write.h"

static enum sm_status
v100_write(const struct sm_platform_settings *s, FILE *out)
{
    static const struct sm_wire pcie = {{"15.754GBps"}, {"1.2us"}, 0.762};
    struct sm_wire nic = sm_nic(s);
    sm_write_head(
        out,
        "  Servers with one V100 each on one non-blocking Ethernet switch: a worker is a server.\n"
        "  The GPU reaches its NIC over PCI Express (nodeN_pcie, then nodeN_eth).\n"
        "  Change the network:    sed 's/10Gbps/25Gbps/' FILE\n"
        "  Change one server:     edit the link node3_eth, or the speed of the host node3.\n"
        "  The source of every number: platforms/README.md\n");
    fprintf(out, "  <zone id=\"world\" routing=\"%s\">\n", sm_routing_round_a_router(s->nodes));
    for (size_t i = 0; i < s->nodes; i++)
        fprintf(out,
                "    <host id=\"node%zu\" speed=\"%s\">"
                "<prop id=\"worker\" value=\"%zu\"/><prop id=\"device\" value=\"0\"/></host>\n",
                i, sm_teraflops(s->speed).text, i);
    fputs("    <router id=\"switch\"/>\n", out);
    for (size_t i = 0; i < s->nodes; i++) {
        sm_write_link(out, "    ", &pcie, "node%zu_pcie", i);
        sm_write_link(out, "    ", &nic, "node%zu_eth", i);
    }
    for (size_t i = 0; i < s->nodes; i++)
        fprintf(out,
                "    <route src=\"node%zu\" dst=\"switch\">"
                "<link_ctn id=\"node%zu_pcie\" direction=\"UP\"/>"
                "<link_ctn id=\"node%zu_eth\" direction=\"UP\"/></route>\n",
                i, i, i);
    fputs("  </zone>\n</platform>\n", out);
    return SM_OK;
}

static const struct sm_param v100_params[] = {
    SM_SETTING_NODES(32, 4096, "servers, one worker each"),
    SM_SETTING_NIC(1.25e9),
    SM_SETTING_LATENCY(10e-6),
    SM_SETTING_GOODPUT(0.9564),
    SM_SETTING_SPEED(15.7e12),
    SM_PARAM_END,
};

const struct sm_platform_family sm_platform_v100 = {
    "v100", "servers with one V100 and one NIC each on one switch", v100_params, v100_write};
