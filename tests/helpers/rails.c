/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/rails.c -- see rails.h. */
#include "tests/helpers/rails.h"

#include <stdarg.h>
#include <stdio.h>

static char text[1 << 18];
static size_t used;

__attribute__((format(printf, 1, 2))) static void
put(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    used += (size_t)vsnprintf(text + used, sizeof text - used, format, arguments);
    va_end(arguments);
}

static void
put_worker(size_t r, size_t devices, const char *rails)
{
    for (size_t d = 0; d < devices; d++) {
        put("<host id=\"w%zud%zu\" speed=\"1Gf\"><prop id=\"worker\" value=\"%zu\"/>"
            "<prop id=\"device\" value=\"%zu\"/>",
            r, d, r, d);
        if (d == 0)
            put("<prop id=\"rails\" value=\"%s\"/>", rails);
        put("</host><link id=\"w%zud%zu_nic\" bandwidth=\"1GBps\" latency=\"2us\" "
            "sharing_policy=\"SPLITDUPLEX\"/>",
            r, d);
    }
    for (size_t d = 0; devices > 1 && d < devices; d++)
        put("<link id=\"w%zud%zu_nvlink\" bandwidth=\"25GBps\" latency=\"1us\" "
            "sharing_policy=\"SPLITDUPLEX\"/>",
            r, d);
}

static void
put_routes(size_t r, size_t workers, size_t devices)
{
    for (size_t d = 0; devices > 1 && d < devices - (devices == 2); d++)
        put("<route src=\"w%zud%zu\" dst=\"w%zud%zu\"><link_ctn id=\"w%zud%zu_nvlink\" "
            "direction=\"UP\"/></route>",
            r, d, r, (d + 1) % devices, r, d);
    for (size_t other = 0; other < workers; other++)
        for (size_t d = 0; other != r && d < devices; d++)
            put("<route src=\"w%zud%zu\" dst=\"w%zud%zu\" symmetrical=\"NO\"><link_ctn "
                "id=\"w%zud%zu_nic\" direction=\"UP\"/><link_ctn id=\"w%zud%zu_nic\" "
                "direction=\"DOWN\"/></route>",
                r, d, other, d, r, d, other, d);
}

const char *
rails_platform(size_t workers, size_t devices, const char *rails)
{
    used = 0;
    put("<?xml version='1.0'?><!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">"
        "<platform version=\"4.1\"><zone id=\"w\" routing=\"Full\">");
    for (size_t r = 0; r < workers; r++)
        put_worker(r, devices, rails);
    for (size_t r = 0; r < workers; r++)
        put_routes(r, workers, devices);
    put("</zone></platform>");
    return text;
}
