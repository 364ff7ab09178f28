/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/profile.h -- seconds of each stage of a step, from a file with sources.
 *
 * A profile (workloads/profiles/NAME.yaml) is measured or published for a device of a stated speed;
 * device stages become floating-point operations (seconds x that speed) that the platform's devices
 * work off at their own, so an edited host speed changes the time. The input pipeline stays in
 * seconds. The all-reduce among a worker's own devices is not in the stages: it is simulated.
 */
#ifndef SM_TIMING_PROFILE_H
#define SM_TIMING_PROFILE_H

#include "sim/base/arena.h"
#include "sim/base/param.h"
#include "sim/base/status.h"
#include "sim/timing/transport.h"

/* One layer of the model, as DistributedDataParallel sees it. */
struct sm_profile_layer {
    double bytes; /* of its gradient, before profile->model_bytes is met exactly */
    double work;  /* its share of `backward`, in any unit                        */
};

struct sm_profile {
    const char *name, *source;
    double load;         /* seconds a step of the input pipeline, not hidden behind compute     */
    double forward;      /* FLOP a step on each device                                          */
    double backward;     /* FLOP                                                                */
    double update;       /* FLOP                                                                */
    double model_bytes;  /* bytes of one model or gradient on the wire; 0: 4 a parameter  */
    double samples;      /* samples a worker and step that the seconds stand for          */
    double devices;      /* devices a worker the profile was made for; 0: any             */
    double device_speed; /* FLOP/s at which the operations take the file's seconds; 0: own */
    /* (layer_count) in forward order, one a layer after `repeat`; none: the model is one layer. Not
     * all weigh 0, and not all cost 0. */
    const struct sm_profile_layer *layers;
    size_t layer_count;
    struct sm_transport_settings transport; /* of the software that was measured */
};

/* What `timing:` of an experiment may set beside the profile's name. */
struct sm_timing_settings {
    const char *profile; /* a shipped name, a path of a .yaml, or `own`                   */
    float efficiency;    /* of `own`: share of the device's speed that is reached (0, 1]  */
    double bucket;       /* least bytes of a bucket (sim/timing/bucket.h); 0: one bucket  */
};
extern const struct sm_param sm_timing_params[];

/* `timing.scale`: factors on a profile's stages. */
struct sm_timing_scale {
    double load, forward, backward, update;
};
extern const struct sm_param sm_scale_params[];

/* What `own` counts with. */
struct sm_own_cost {
    double flop_per_sample; /* forward pass                                        */
    double samples;         /* a worker and step                                   */
    double parameters;
    double devices; /* a worker; they share its batch evenly                       */
};

/* SM_ERR_INPUT (FILE:LINE:COLUMN) for a missing or malformed profile. `home` is the folder that
 * holds workloads/profiles/. Backward counts twice forward; update ten operations a parameter. */
enum sm_status sm_profile_load(struct sm_arena *arena, const struct sm_timing_settings *settings,
                               const struct sm_own_cost *own, const char *home,
                               struct sm_profile *profile);
/* What if a stage took so many times as long. */
void sm_profile_scale(struct sm_profile *profile, const struct sm_timing_scale *scale);
/* The names of the profiles that ship with the program, sorted, NULL-terminated; owned by arena.
 * NULL: no memory. */
const char *const *sm_profile_names(struct sm_arena *arena, const char *home);

#endif
