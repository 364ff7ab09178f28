/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/grammar.c -- which elements and attributes may stand where.
 *
 * SimGrid's own parser is generated from a DTD and aborts at the first deviation, so libxml2
 * checks the same rules first. Left out are only elements that SimGrid 3.32 refuses or ignores.
 * A zone holds zones, or hosts, never both; its routes come last. Only links may stand before the
 * first host, nothing before the first zone.
 */
#include <libxml/parser.h>
#include <libxml/valid.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/model.h"

enum { MOST_NAMES = 64 };

#define ZONES    "zone|AS|cluster|peer"
#define HOSTS    "host|router|cabinet|host_link|storage_type|storage"
#define LINKS    "link|backbone|trace|trace_connect"
#define ROUTES   "route|bypassRoute"
#define UPROUTES "zoneRoute|ASroute|bypassZoneRoute|bypassASroute"
#define IN_ZONE                                                                                    \
    "(prop*,("                                                                                     \
    "((" ZONES "),(" ZONES "|cabinet|" LINKS ")*,((" UPROUTES "),(" UPROUTES                       \
    "|trace|trace_connect)*)?)"                                                                    \
    "|(((link|backbone),(" LINKS ")*)?,(" HOSTS "),(" HOSTS "|" LINKS ")*,((" ROUTES "),(" ROUTES  \
    "|trace|trace_connect)*)?))?)"
#define ENDS     "src CDATA #REQUIRED dst CDATA #REQUIRED "
#define GATES    "gw_src CDATA #REQUIRED gw_dst CDATA #REQUIRED "
#define BOTHWAYS "symmetrical (YES|NO|yes|no) #IMPLIED"
#define RADICAL                                                                                    \
    "id CDATA #REQUIRED prefix CDATA #REQUIRED suffix CDATA #REQUIRED radical CDATA #REQUIRED "    \
    "speed CDATA #REQUIRED bw CDATA #REQUIRED lat CDATA #REQUIRED "
#define PROFILES                                                                                   \
    "speed_file CDATA #IMPLIED availability_file CDATA #IMPLIED state_file CDATA #IMPLIED "        \
    "coordinates CDATA #IMPLIED"

static const char grammar[] =
    "<!ELEMENT platform (config*,(zone|AS|cluster|cabinet|peer|trace|trace_connect)*,"
    "(process|actor)*)>"
    "<!ATTLIST platform version CDATA #REQUIRED>"
    "<!ELEMENT config (prop*)><!ATTLIST config id CDATA #IMPLIED>"
    "<!ELEMENT prop EMPTY><!ATTLIST prop id CDATA #REQUIRED value CDATA #REQUIRED>"
    "<!ELEMENT zone " IN_ZONE "><!ATTLIST zone id CDATA #REQUIRED routing CDATA #REQUIRED>"
    "<!ELEMENT AS " IN_ZONE "><!ATTLIST AS id CDATA #REQUIRED routing CDATA #REQUIRED>"
    "<!ELEMENT host (disk|prop|mount)*>"
    "<!ATTLIST host id CDATA #REQUIRED speed CDATA #REQUIRED core CDATA #IMPLIED "
    "pstate CDATA #IMPLIED " PROFILES ">"
    "<!ELEMENT peer EMPTY>"
    "<!ATTLIST peer id CDATA #REQUIRED speed CDATA #REQUIRED bw_in CDATA #REQUIRED "
    "bw_out CDATA #REQUIRED lat CDATA #IMPLIED " PROFILES ">"
    "<!ELEMENT router EMPTY>"
    "<!ATTLIST router id CDATA #REQUIRED coordinates CDATA #IMPLIED>"
    "<!ELEMENT cabinet EMPTY><!ATTLIST cabinet " RADICAL ">"
    "<!ELEMENT cluster (prop*)>"
    "<!ATTLIST cluster " RADICAL "core CDATA #IMPLIED "
    "sharing_policy (SHARED|SPLITDUPLEX|FULLDUPLEX|FATPIPE) #IMPLIED "
    "topology (FLAT|TORUS|FAT_TREE|DRAGONFLY) #IMPLIED topo_parameters CDATA #IMPLIED "
    "bb_bw CDATA #IMPLIED bb_lat CDATA #IMPLIED bb_sharing_policy (SHARED|FATPIPE) #IMPLIED "
    "router_id CDATA #IMPLIED limiter_link CDATA #IMPLIED loopback_bw CDATA #IMPLIED "
    "loopback_lat CDATA #IMPLIED>"
    "<!ELEMENT link (prop*)>"
    "<!ATTLIST link id CDATA #REQUIRED bandwidth CDATA #REQUIRED latency CDATA #IMPLIED "
    "sharing_policy (SHARED|SPLITDUPLEX|FULLDUPLEX|FATPIPE|WIFI) #IMPLIED "
    "bandwidth_file CDATA #IMPLIED latency_file CDATA #IMPLIED state_file CDATA #IMPLIED>"
    "<!ELEMENT backbone EMPTY>"
    "<!ATTLIST backbone id CDATA #REQUIRED bandwidth CDATA #REQUIRED latency CDATA #REQUIRED>"
    "<!ELEMENT host_link EMPTY>"
    "<!ATTLIST host_link id CDATA #REQUIRED up CDATA #REQUIRED down CDATA #REQUIRED>"
    "<!ELEMENT link_ctn EMPTY>"
    "<!ATTLIST link_ctn id CDATA #REQUIRED direction (UP|DOWN|NONE) #IMPLIED>"
    "<!ELEMENT route (link_ctn*)><!ATTLIST route " ENDS BOTHWAYS ">"
    "<!ELEMENT bypassRoute (link_ctn*)><!ATTLIST bypassRoute " ENDS ">"
    "<!ELEMENT zoneRoute (link_ctn*)><!ATTLIST zoneRoute " ENDS GATES BOTHWAYS ">"
    "<!ELEMENT ASroute (link_ctn*)><!ATTLIST ASroute " ENDS GATES BOTHWAYS ">"
    "<!ELEMENT bypassZoneRoute (link_ctn*)><!ATTLIST bypassZoneRoute " ENDS GATES ">"
    "<!ELEMENT bypassASroute (link_ctn*)><!ATTLIST bypassASroute " ENDS GATES ">"
    "<!ELEMENT trace (#PCDATA)>"
    "<!ATTLIST trace id CDATA #REQUIRED file CDATA #IMPLIED periodicity CDATA #REQUIRED>"
    "<!ELEMENT trace_connect EMPTY>"
    "<!ATTLIST trace_connect trace CDATA #REQUIRED element CDATA #REQUIRED "
    "kind (HOST_AVAIL|SPEED|LINK_AVAIL|BANDWIDTH|LATENCY) #IMPLIED>"
    "<!ELEMENT disk (prop*)>"
    "<!ATTLIST disk id CDATA #IMPLIED read_bw CDATA #REQUIRED write_bw CDATA #REQUIRED>"
    "<!ELEMENT mount EMPTY><!ATTLIST mount storageId CDATA #REQUIRED name CDATA #REQUIRED>"
    "<!ELEMENT storage_type (model_prop|prop)*>"
    "<!ATTLIST storage_type id CDATA #REQUIRED model CDATA #IMPLIED size CDATA #REQUIRED "
    "content CDATA #IMPLIED>"
    "<!ELEMENT model_prop EMPTY>"
    "<!ATTLIST model_prop id CDATA #REQUIRED value CDATA #REQUIRED>"
    "<!ELEMENT storage (prop*)>"
    "<!ATTLIST storage id CDATA #REQUIRED typeId CDATA #REQUIRED content CDATA #IMPLIED "
    "attach CDATA #REQUIRED>"
    "<!ELEMENT process (argument|prop)*><!ELEMENT actor (argument|prop)*>"
    "<!ATTLIST process host CDATA #REQUIRED function CDATA #REQUIRED start_time CDATA #IMPLIED "
    "kill_time CDATA #IMPLIED on_failure (DIE|RESTART) #IMPLIED>"
    "<!ATTLIST actor host CDATA #REQUIRED function CDATA #REQUIRED start_time CDATA #IMPLIED "
    "kill_time CDATA #IMPLIED on_failure (DIE|RESTART) #IMPLIED>"
    "<!ELEMENT argument EMPTY><!ATTLIST argument value CDATA #REQUIRED>";

struct judge {
    const struct sm_model *model;
    xmlDtdPtr rules;
    enum sm_status status; /* of the first violation */
};

static void
collect_name(void *declaration, void *names, const xmlChar *unused)
{
    (void)unused;
    const char **next = names;
    while (*next != NULL)
        next++;
    if (next - (const char **)names < MOST_NAMES)
        *next = (const char *)((xmlElementPtr)declaration)->name;
}

static enum sm_status
unknown_element(const struct judge *judge, xmlNodePtr element)
{
    const char *names[MOST_NAMES + 1] = {NULL};
    xmlHashScan(judge->rules->elements, (xmlHashScanner)(void *)collect_name, names);
    const char *near = sm_text_nearest((const char *)element->name, names);
    return sm_model_fail(judge->model, element, "<%s> is no element of a platform%s%s%s",
                         element->name, near ? ", did you mean <" : "", near ? near : "",
                         near ? ">?" : "");
}

static xmlElementPtr
rules_of(const struct judge *judge, xmlNodePtr element)
{
    return xmlGetDtdElementDesc(judge->rules, element->name);
}

static enum sm_status
unknown_attribute(const struct judge *judge, xmlNodePtr element, const char *wrong)
{
    const char *names[MOST_NAMES + 1] = {NULL};
    size_t count = 0;
    xmlElementPtr rules = rules_of(judge, element);
    for (xmlAttributePtr a = rules != NULL ? rules->attributes : NULL; a != NULL; a = a->nexth)
        if (count < MOST_NAMES)
            names[count++] = (const char *)a->name;
    char known[512];
    char near[SM_TEXT_SUGGESTION];
    return sm_model_fail(judge->model, element, "<%s> has no attribute '%s'%s; it has %s",
                         element->name, wrong, sm_text_suggest(near, wrong, names),
                         sm_text_join(known, sizeof known, names));
}

/* "YES, NO": the values the grammar lists for the attribute. */
static enum sm_status
wrong_value(const struct judge *judge, xmlNodePtr element, const char *key)
{
    const char *values[MOST_NAMES + 1] = {NULL};
    size_t count = 0;
    xmlAttributePtr rule = xmlGetDtdAttrDesc(judge->rules, element->name, (const xmlChar *)key);
    for (xmlEnumerationPtr v = rule != NULL ? rule->tree : NULL; v != NULL; v = v->next)
        if (count < MOST_NAMES)
            values[count++] = (const char *)v->name;
    char known[256];
    return sm_model_fail(judge->model, element, "%s=\"%s\" of <%s> is not one of %s", key,
                         sm_model_attribute(element, key), element->name,
                         sm_text_join(known, sizeof known, values));
}

static void
judge_violation(void *data, xmlErrorPtr error)
{
    struct judge *judge = data;
    xmlNodePtr element = error->node;
    if (judge->status != SM_OK || element == NULL)
        return;
    const char *name = (const char *)element->name;
    switch (error->code) {
    case XML_DTD_UNKNOWN_ELEM:
        judge->status = unknown_element(judge, element);
        break;
    case XML_DTD_ATTRIBUTE_VALUE:
        judge->status = wrong_value(judge, element, error->str2);
        break;
    case XML_DTD_MISSING_ATTRIBUTE:
        judge->status = sm_model_fail(judge->model, element, "<%s> lacks the attribute '%s'", name,
                                      error->str2 != NULL ? error->str2 : "?");
        break;
    case XML_DTD_CONTENT_MODEL:
    case XML_DTD_INVALID_CHILD:
        if (strcmp(name, "zone") == 0 || strcmp(name, "AS") == 0)
            judge->status = sm_model_fail(
                judge->model, element,
                "<%s> holds something in the wrong place; expected properties, then either hosts, "
                "routers and links or zones (one first) and links, then routes",
                name);
        else
            judge->status = sm_model_fail(judge->model, element,
                                          "<%s> holds something that does not belong in it", name);
        break;
    default:
        judge->status = sm_model_fail(judge->model, element, "<%s>: %s", name, error->message);
    }
}

/* Misspelt names first: what libxml2 finds missing for want of them would only confuse. */
static enum sm_status
check_names(const struct judge *judge, xmlNodePtr parent)
{
    for (xmlNodePtr child = parent->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (rules_of(judge, child) == NULL)
            return unknown_element(judge, child);
        for (xmlAttrPtr a = child->properties; a != NULL; a = a->next)
            if (xmlGetDtdAttrDesc(judge->rules, child->name, a->name) == NULL)
                return unknown_attribute(judge, child, (const char *)a->name);
        SM_TRY(check_names(judge, child));
    }
    return SM_OK;
}

static xmlDtdPtr
read_grammar(void)
{
    xmlParserInputBufferPtr input =
        xmlParserInputBufferCreateMem(grammar, sizeof grammar - 1, XML_CHAR_ENCODING_UTF8);
    return input != NULL ? xmlIOParseDTD(NULL, input, XML_CHAR_ENCODING_UTF8) : NULL;
}

enum sm_status
sm_model_validate(const struct sm_model *model)
{
    struct judge judge = {.model = model, .rules = read_grammar()};
    xmlValidCtxtPtr context = xmlNewValidCtxt();
    if (judge.rules == NULL || context == NULL) {
        xmlFreeDtd(judge.rules);
        xmlFreeValidCtxt(context);
        return sm_model_no_memory(model);
    }
    enum sm_status status = check_names(&judge, xmlDocGetRootElement(model->document));
    if (status == SM_OK) {
        xmlStructuredErrorFunc saved = xmlStructuredError;
        void *saved_context = xmlStructuredErrorContext;
        xmlSetStructuredErrorFunc(&judge, (xmlStructuredErrorFunc)judge_violation);
        int valid = xmlValidateDtd(context, model->document, judge.rules);
        xmlSetStructuredErrorFunc(saved_context, saved);
        status = judge.status;
        if (!valid && status == SM_OK)
            status = SM_FAIL(SM_ERR_INPUT, "%s: not a SimGrid platform", model->file);
    }
    xmlFreeValidCtxt(context);
    xmlFreeDtd(judge.rules);
    return status;
}
