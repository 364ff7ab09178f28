/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/families/nvswitch.c -- servers with eight GPUs on NVSwitches: DGX A100, HGX H100.
 *
 * A GPU's NVLinks are one link to a switch that never blocks. Goodput and latency of that link are
 * what NCCL gets out of it, not the wire's: two links a step. Those of the A100 are what
 * `slowmo calibrate tests/data/nccl_8xa100_nvlink3.csv` prints (15.5 us a step, 0.784).
 */
#include "sim/platform/families/write.h"

static void
write_links(const struct sm_platform_settings *s, size_t server, FILE *out)
{
    struct sm_wire nvlink = {sm_gigabytes(s->nvlink), sm_microseconds(s->nvlink_latency),
                             s->nvlink_goodput};
    for (int i = 0; i < SM_GPUS; i++)
        sm_write_link(out, "    ", &nvlink, "server%zu_nvlink%d", server, i);
}

static void
write_way(size_t server, int i, int j, FILE *out)
{
    fprintf(out,
            "<link_ctn id=\"server%zu_nvlink%d\" direction=\"UP\"/>"
            "<link_ctn id=\"server%zu_nvlink%d\" direction=\"DOWN\"/>",
            server, i, server, j);
}

#define SERVERS(what)                                                                              \
    "  " what " on one non-blocking InfiniBand fabric: a worker is a server with 8 GPUs.\n"        \
    "  serverN_nvlinkI: all NVLinks of GPU I, to the NVSwitches; serverN_ibI: NIC I, beside GPU\n" \
    "  I, with its way over PCI Express. The source of every number: platforms/README.md\n"

static enum sm_status
a100_write(const struct sm_platform_settings *s, FILE *out)
{
    static const struct sm_rail_server server = {SERVERS("DGX A100 servers"), NULL, "auto",
                                                 write_links, write_way};
    return sm_write_rail_servers(s, &server, out);
}

static enum sm_status
h100_write(const struct sm_platform_settings *s, FILE *out)
{
    static const struct sm_rail_server server = {SERVERS("HGX H100 servers"), NULL, "auto",
                                                 write_links, write_way};
    return sm_write_rail_servers(s, &server, out);
}

#define SETTINGS(nic, nvlink_, nvlink_goodput_, speed)                                             \
    {                                                                                              \
        SM_SETTING_NODES(16, 4096, "servers, one worker each"), SM_SETTING_RAILS(8),               \
            SM_SETTING_NIC(nic), SM_SETTING_LATENCY(7e-6), SM_SETTING_GOODPUT(0.96),               \
            SM_SETTING(nvlink, nvlink_, 1, 1e15, SM_UNIT_BANDWIDTH,                                \
                       "line rate of a GPU's NVLinks together, each way"),                         \
            SM_SETTING(nvlink_latency, 7.75e-6, 1e-12, 1000, SM_UNIT_SECONDS,                      \
                       "half the latency of a step of a ring among the GPUs"),                     \
            SM_SETTING(nvlink_goodput, nvlink_goodput_, 1e-6, 1, SM_UNIT_NONE,                     \
                       "share of the NVLinks' line rate that payload gets"),                       \
            SM_SETTING_SPEED(speed), SM_PARAM_END,                                                 \
    }
static const struct sm_param a100_params[] = SETTINGS(25e9, 300e9, 0.784, 19.5e12);
static const struct sm_param h100_params[] = SETTINGS(50e9, 450e9, 0.824, 67e12);

const struct sm_platform_family sm_platform_dgx_a100 = {
    "dgx_a100", "DGX A100 servers (8 A100 on NVSwitches, a NIC a GPU)", a100_params, a100_write};
const struct sm_platform_family sm_platform_hgx_h100 = {
    "hgx_h100", "HGX H100 servers (8 H100 on NVSwitches, a NIC a GPU)", h100_params, h100_write};
