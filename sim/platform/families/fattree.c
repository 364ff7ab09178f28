/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/fattree.c -- hosts on leaf switches, leaf switches on spines.
 *
 * SimGrid's own fat tree: a leaf has `leaf` hosts below and leaf / oversubscription spines above,
 * one cable each; which spine a message takes is fixed by its receiver (destination modulo).
 */
#include "sim/platform/families/write.h"

#include <math.h>

static enum sm_status
fattree_write(const struct sm_platform_settings *s, FILE *out)
{
    struct sm_wire nic = sm_nic(s);
    double spines = (double)s->leaf / s->oversubscription;
    if (s->nodes % s->leaf != 0)
        return SM_FAIL(SM_ERR_INPUT, "nodes: %zu hosts do not fill leaf switches of %zu", s->nodes,
                       s->leaf);
    if (spines != floor(spines) || spines < 1)
        return SM_FAIL(SM_ERR_INPUT,
                       "oversubscription: %g leaves %g spines for leaf switches of %zu hosts; "
                       "expected a whole number from 1 on",
                       s->oversubscription, spines, s->leaf);
    sm_write_head(
        out,
        "  Hosts on leaf switches, leaf switches on spines; every host is a worker with one\n"
        "  device. topo_parameters: 2 levels; hosts a leaf, leaves; links up from a host, spines;\n"
        "  cables in parallel. All links are alike: fattree_link. Sources: platforms/README.md\n");
    fprintf(out,
            "  <cluster id=\"fattree\" prefix=\"node\" suffix=\"\" radical=\"0-%zu\" speed=\"%s\" "
            "bw=\"%s\" lat=\"%s\"\n"
            "           sharing_policy=\"SPLITDUPLEX\" topology=\"FAT_TREE\" "
            "topo_parameters=\"2;%zu,%zu;1,%.0f;1,1\">",
            s->nodes - 1, sm_teraflops(s->speed).text, nic.bandwidth.text, nic.latency.text,
            s->leaf, s->nodes / s->leaf, spines);
    if (nic.goodput < 1)
        fprintf(out, "<prop id=\"goodput\" value=\"%s\"/>", sm_share(nic.goodput).text);
    fputs("</cluster>\n</platform>\n", out);
    return SM_OK;
}

static const struct sm_param fattree_params[] = {
    SM_SETTING_NODES(64, 16384, "hosts, one worker each"),
    SM_SETTING(leaf, 8, 1, 1024, SM_UNIT_NONE, "hosts of a leaf switch"),
    SM_SETTING(oversubscription, 2, 1, 1024, SM_UNIT_NONE,
               "bandwidth of a leaf switch to its hosts over that to the spines"),
    SM_SETTING(nic, 1.25e9, 1, 1e15, SM_UNIT_BANDWIDTH, "line rate of every link"),
    SM_SETTING(latency, 10e-6, 1e-12, 1000, SM_UNIT_SECONDS, "latency of every link"),
    SM_SETTING_GOODPUT(0.9564),
    SM_SETTING_SPEED(15.7e12),
    SM_PARAM_END,
};

const struct sm_platform_family sm_platform_fattree = {
    "fattree", "hosts on leaf and spine switches, a worker each", fattree_params, fattree_write};
