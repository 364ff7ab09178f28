/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/make.c -- see make.h. */
#include "sim/platform/make.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"

enum { GPUS = 8, GPUS_PER_SWITCH = 2, GPUS_PER_SOCKET = 4, MOST_FAMILIES = 16 };

/* NVLinks between GPU pairs of a DGX-1V; as a cube mesh with six links a GPU. */
static const int nvlinks[GPUS][GPUS] = {
    {0, 2, 1, 1, 2, 0, 0, 0}, {2, 0, 1, 2, 0, 1, 0, 0}, {1, 1, 0, 2, 0, 0, 2, 0},
    {1, 2, 2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2, 1, 1}, {0, 1, 0, 0, 2, 0, 1, 2},
    {0, 0, 2, 0, 1, 1, 0, 2}, {0, 0, 0, 1, 1, 2, 2, 0},
};

/* One ring over the double links, one over the single ones, each in both directions: every link
 * direction carries exactly one ring a link. */
static const char rings[] = "2:0-1-3-2-6-7-5-4 2:4-5-7-6-2-3-1-0 "
                            "1:0-2-1-5-6-4-7-3 1:3-7-4-6-5-1-2-0";

/* The value in units of `scale`, with the fewest digits that give it back, and its unit. */
struct quantity {
    char text[40];
};

static struct quantity
in_units(double value, double scale, const char *unit)
{
    struct quantity q;
    for (int digits = 1; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(q.text, sizeof q.text, "%.*g", digits, value / scale);
        bool exact = fabs(strtod(q.text, NULL) * scale - value) <= DBL_EPSILON * value;
        if (exact && strchr(q.text, 'e') == NULL) /* one digit of ten would be 1e+01 */
            break;
    }
    strcat(q.text, unit);
    return q;
}

static struct quantity
gigabits(double bytes_per_second)
{
    return in_units(bytes_per_second, 0.125e9, "Gbps");
}

static struct quantity
microseconds(double seconds)
{
    return in_units(seconds, 1e-6, "us");
}

static struct quantity
teraflops(double flop_per_second)
{
    return in_units(flop_per_second, 1e12, "Tf");
}

static void
write_head(FILE *out, const char *comment)
{
    fprintf(out,
            "<?xml version='1.0'?>\n"
            "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n"
            "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
            "<!--\n%s-->\n"
            "<platform version=\"4.1\">\n",
            comment);
}

/* A link with the same bandwidth in each direction; goodput 1 is not written. */
static void
write_link(FILE *out, const char *indent, const char *node, size_t index, const char *name,
           const char *bandwidth, const char *latency, double goodput)
{
    fprintf(out,
            "%s<link id=\"%s%zu_%s\" bandwidth=\"%s\" latency=\"%s\" "
            "sharing_policy=\"SPLITDUPLEX\">",
            indent, node, index, name, bandwidth, latency);
    if (goodput < 1)
        fprintf(out, "<prop id=\"goodput\" value=\"%s\"/>", in_units(goodput, 1, "").text);
    fputs("</link>\n", out);
}

static void
write_star(const struct sm_platform_settings *s, FILE *out)
{
    write_head(out,
               "  Hosts on one non-blocking switch; every host is a worker with one device.\n"
               "  Change the network:    sed 's/10Gbps/25Gbps/' FILE\n"
               "  Change one host's NIC: edit the link node3_eth. Sources: platforms/README.md\n");
    fputs("  <zone id=\"world\" routing=\"Floyd\">\n", out);
    for (size_t i = 0; i < s->nodes; i++)
        fprintf(out, "    <host id=\"node%zu\" speed=\"%s\"/>\n", i, teraflops(s->speed).text);
    fputs("    <router id=\"switch\"/>\n", out);
    for (size_t i = 0; i < s->nodes; i++)
        write_link(out, "    ", "node", i, "eth", gigabits(s->nic).text,
                   microseconds(s->latency).text, s->goodput);
    for (size_t i = 0; i < s->nodes; i++)
        fprintf(out,
                "    <route src=\"node%zu\" dst=\"switch\">"
                "<link_ctn id=\"node%zu_eth\" direction=\"UP\"/></route>\n",
                i, i);
    fputs("  </zone>\n</platform>\n", out);
}

static void
write_v100(const struct sm_platform_settings *s, FILE *out)
{
    write_head(
        out,
        "  Servers with one V100 each on one non-blocking Ethernet switch: a worker is a server.\n"
        "  The GPU reaches its NIC over PCI Express (nodeN_pcie, then nodeN_eth).\n"
        "  Change the network:    sed 's/10Gbps/25Gbps/' FILE\n"
        "  Change one server:     edit the link node3_eth, or the speed of the host node3.\n"
        "  The source of every number: platforms/README.md\n");
    fputs("  <zone id=\"world\" routing=\"Floyd\">\n", out);
    for (size_t i = 0; i < s->nodes; i++)
        fprintf(out,
                "    <host id=\"node%zu\" speed=\"%s\">"
                "<prop id=\"worker\" value=\"%zu\"/><prop id=\"device\" value=\"0\"/></host>\n",
                i, teraflops(s->speed).text, i);
    fputs("    <router id=\"switch\"/>\n", out);
    for (size_t i = 0; i < s->nodes; i++) {
        write_link(out, "    ", "node", i, "pcie", "15.754GBps", "1.2us", 0.762);
        write_link(out, "    ", "node", i, "eth", gigabits(s->nic).text,
                   microseconds(s->latency).text, s->goodput);
    }
    for (size_t i = 0; i < s->nodes; i++)
        fprintf(out,
                "    <route src=\"node%zu\" dst=\"switch\">"
                "<link_ctn id=\"node%zu_pcie\" direction=\"UP\"/>"
                "<link_ctn id=\"node%zu_eth\" direction=\"UP\"/></route>\n",
                i, i, i);
    fputs("  </zone>\n</platform>\n", out);
}

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
write_dgx1_server(const struct sm_platform_settings *s, size_t server, FILE *out)
{
    fprintf(out, "    <zone id=\"server%zu\" routing=\"Full\">\n", server);
    for (int i = 0; i < GPUS; i++) {
        fprintf(out,
                "      <host id=\"server%zu_gpu%d\" speed=\"%s\">"
                "<prop id=\"worker\" value=\"%zu\"/><prop id=\"device\" value=\"%d\"/>",
                server, i, teraflops(s->speed).text, server, i);
        if (i == 0)
            fprintf(out, "\n        <prop id=\"rings\" value=\"%s\"/>", rings);
        fputs("</host>\n", out);
    }
    fprintf(out, "      <router id=\"server%zu_nic\"/>\n", server);

    char name[32];
    for (int i = 0; i < GPUS; i++)
        for (int j = i + 1; j < GPUS; j++)
            if (nvlinks[i][j] > 0) {
                snprintf(name, sizeof name, "nvlink_%d_%d", i, j);
                write_link(out, "      ", "server", server, name,
                           nvlinks[i][j] == 2 ? "50GBps" : "25GBps", "3.4us", 0.9);
            }
    for (int i = 0; i < GPUS; i++) {
        snprintf(name, sizeof name, "pcie%d", i);
        write_link(out, "      ", "server", server, name, "15.754GBps", "1.2us", 0.762);
    }
    for (int i = 0; i < GPUS / GPUS_PER_SWITCH; i++) {
        snprintf(name, sizeof name, "plx%d", i);
        write_link(out, "      ", "server", server, name, "15.754GBps", "1.2us", 0.762);
    }
    write_link(out, "      ", "server", server, "qpi", "19.2GBps", "0.9us", 0.3125);

    for (int i = 0; i < GPUS; i++) {
        for (int j = i + 1; j < GPUS; j++) {
            fprintf(out, "      <route src=\"server%zu_gpu%d\" dst=\"server%zu_gpu%d\">", server, i,
                    server, j);
            if (nvlinks[i][j] > 0) {
                fprintf(out, "<link_ctn id=\"server%zu_nvlink_%d_%d\" direction=\"UP\"/>", server,
                        i, j);
            } else {
                write_way_to_switch(out, server, i, j / GPUS_PER_SWITCH);
                write_hop(out, server, "pcie", j, "DOWN");
            }
            fputs("</route>\n", out);
        }
        fprintf(out, "      <route src=\"server%zu_gpu%d\" dst=\"server%zu_nic\">", server, i,
                server);
        write_way_to_switch(out, server, i, 0);
        fputs("</route>\n", out);
    }
    fputs("    </zone>\n", out);
}

static void
write_dgx1(const struct sm_platform_settings *s, FILE *out)
{
    write_head(
        out,
        "  DGX-1V servers on one non-blocking Ethernet switch: a worker is a server with 8 V100.\n"
        "  In serverN: serverN_nvlink_I_J the NVLinks between GPUs I and J (two are one link of\n"
        "  50GBps), serverN_pcieI from GPU I to its PCIe switch (two GPUs each), serverN_plxI "
        "from\n"
        "  PCIe switch I to its CPU, serverN_qpi between the CPUs, and serverN_eth, the NIC, on\n"
        "  PCIe switch 0 beside GPU 0, which talks to the other servers.\n"
        "  Change the network:     sed 's/10Gbps/25Gbps/' FILE\n"
        "  Slow down one NIC:      sed '/server3_eth/s/10Gbps/1Gbps/' FILE\n"
        "  Change the GPUs:        sed 's/15.7Tf/19.5Tf/' FILE\n"
        "  The source of every number: platforms/README.md\n");
    fputs("  <zone id=\"world\" routing=\"Floyd\">\n", out);
    for (size_t server = 0; server < s->nodes; server++)
        write_dgx1_server(s, server, out);
    fputs("    <zone id=\"ethernet\" routing=\"Full\"><router id=\"switch\"/></zone>\n", out);
    for (size_t server = 0; server < s->nodes; server++)
        write_link(out, "    ", "server", server, "eth", gigabits(s->nic).text,
                   microseconds(s->latency).text, s->goodput);
    for (size_t server = 0; server < s->nodes; server++)
        fprintf(out,
                "    <zoneRoute src=\"server%zu\" dst=\"ethernet\" gw_src=\"server%zu_nic\" "
                "gw_dst=\"switch\"><link_ctn id=\"server%zu_eth\" direction=\"UP\"/></zoneRoute>\n",
                server, server, server);
    fputs("  </zone>\n</platform>\n", out);
}

#define SETTING(field, def, min, max, unit, doc)                                                   \
    SM_PARAM_UNIT(struct sm_platform_settings, field, def, min, max, unit, doc)
#define SETTINGS(nodes_)                                                                           \
    {                                                                                              \
        SETTING(nodes, nodes_, 1, 4096, SM_UNIT_NONE, "servers, one worker each"),                 \
            SETTING(nic, 1.25e9, 1, 1e15, SM_UNIT_BANDWIDTH, "line rate of a NIC"),                \
            SETTING(latency, 10e-6, 1e-12, 1000, SM_UNIT_SECONDS,                                  \
                    "latency of a NIC and its cable; twice that from server to server"),           \
            SETTING(goodput, 0.9564, 1e-6, 1, SM_UNIT_NONE,                                        \
                    "share of the line rate that payload gets"),                                   \
            SETTING(speed, 15.7e12, 1, 1e18, SM_UNIT_SPEED, "peak speed of a device"),             \
            SM_PARAM_END,                                                                          \
    }
static const struct sm_param star_params[] = SETTINGS(8);
static const struct sm_param server_params[] = SETTINGS(32);

const struct sm_platform_family sm_platform_families[] = {
    {"star", "hosts on one switch, a worker each", star_params, write_star},
    {"v100", "servers with one V100 and one NIC each on one switch", server_params, write_v100},
    {"dgx1", "DGX-1V servers (8 V100, NVLink mesh, one NIC) on one switch", server_params,
     write_dgx1},
    {.name = NULL},
};

enum sm_status
sm_platform_make(const char *family, const struct sm_node *settings, FILE *out)
{
    const char *names[MOST_FAMILIES] = {NULL};
    size_t count = 0;
    const struct sm_platform_family *f = sm_platform_families;
    for (; f->name != NULL && strcmp(f->name, family) != 0; f++)
        names[count++] = f->name;
    if (f->name == NULL) {
        char known[256];
        char near[SM_TEXT_SUGGESTION];
        return SM_FAIL(SM_ERR_NAME, "unknown platform family '%s'%s; known: %s", family,
                       sm_text_suggest(near, family, names),
                       sm_text_join(known, sizeof known, names));
    }
    struct sm_platform_settings values = {0};
    struct sm_arena arena = {0}; /* no parameter here is a text, so nothing in it outlives this */
    enum sm_status status = sm_param_bind(f->params, &values, settings, NULL, &arena);
    sm_arena_fini(&arena);
    SM_TRY(status);
    f->write(&values, out);
    if (fflush(out) != 0 || ferror(out))
        return SM_FAIL(SM_ERR_IO, "cannot write the platform: %s", strerror(errno));
    return SM_OK;
}
