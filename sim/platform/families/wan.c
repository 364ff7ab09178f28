/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/wan.c -- sites far from each other, a star of hosts at each. */
#include "sim/platform/families/write.h"

static void
write_site(const struct sm_platform_settings *s, size_t site, FILE *out)
{
    struct sm_wire nic = sm_nic(s);
    fprintf(out, "    <zone id=\"site%zu\" routing=\"Cluster\">\n", site);
    for (size_t i = site * s->nodes; i < (site + 1) * s->nodes; i++)
        fprintf(out,
                "      <host id=\"node%zu\" speed=\"%s\"><prop id=\"group\" value=\"%zu\"/>"
                "</host>\n",
                i, sm_teraflops(s->speed).text, site);
    fprintf(out, "      <router id=\"site%zu_gate\"/>\n", site);
    for (size_t i = site * s->nodes; i < (site + 1) * s->nodes; i++)
        sm_write_link(out, "      ", &nic, "node%zu_eth", i);
    for (size_t i = site * s->nodes; i < (site + 1) * s->nodes; i++) {
        char host[32];
        snprintf(host, sizeof host, "node%zu", i);
        fputs("  ", out);
        sm_write_host_link(out, host, "node%zu_eth", i);
    }
    fputs("    </zone>\n", out);
}

static enum sm_status
wan_write(const struct sm_platform_settings *s, FILE *out)
{
    struct sm_wire uplink = {sm_gigabits(s->wan), sm_microseconds(s->wan_latency / 2), s->goodput};
    sm_write_head(
        out, "  Sites, each with hosts on one non-blocking switch (nodeN_eth) and one link to the\n"
             "  others (siteN_wan, half the way). Every host is a worker, its group is its site.\n"
             "  The source of every number: platforms/README.md\n");
    fputs("  <zone id=\"world\" routing=\"Floyd\">\n"
          "    <zone id=\"wan\" routing=\"Full\"><router id=\"exchange\"/></zone>\n",
          out);
    for (size_t site = 0; site < s->sites; site++)
        write_site(s, site, out);
    for (size_t site = 0; site < s->sites; site++)
        sm_write_link(out, "    ", &uplink, "site%zu_wan", site);
    for (size_t site = 0; site < s->sites; site++)
        fprintf(out,
                "    <zoneRoute src=\"site%zu\" dst=\"wan\" gw_src=\"site%zu_gate\" "
                "gw_dst=\"exchange\"><link_ctn id=\"site%zu_wan\" direction=\"UP\"/></zoneRoute>\n",
                site, site, site);
    fputs("  </zone>\n</platform>\n", out);
    return SM_OK;
}

static const struct sm_param wan_params[] = {
    SM_SETTING(sites, 4, 1, 256, SM_UNIT_NONE, "sites"),
    SM_SETTING_NODES(8, 4096, "hosts of a site, one worker each"),
    SM_SETTING(wan, 0.125e9, 1, 1e15, SM_UNIT_BANDWIDTH, "line rate of a site's way out"),
    SM_SETTING(wan_latency, 30e-3, 1e-12, 1000, SM_UNIT_SECONDS, "latency from site to site"),
    SM_SETTING_NIC(1.25e9),
    SM_SETTING_LATENCY(10e-6),
    SM_SETTING_GOODPUT(0.9564),
    SM_SETTING_SPEED(15.7e12),
    SM_PARAM_END,
};

const struct sm_platform_family sm_platform_wan = {
    "wan", "sites far from each other, hosts on a switch at each", wan_params, wan_write};
