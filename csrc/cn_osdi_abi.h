/* The binary interface of compiled Verilog-A models, OSDI 0.4 and later: what a shared library made by OpenVAF exports.
 *
 * Layout and meaning follow the specification ("Open Source Device Interface", SemiMod, working draft 0.4, 2025); names
 * are ours.  A library exports OSDI_VERSION_MAJOR and _MINOR (uint32_t), OSDI_NUM_DESCRIPTORS (uint32_t) with as many
 * OSDI_DESCRIPTORS, OSDI_DESCRIPTOR_SIZE (uint32_t, their stride; later versions add members at the end),
 * OSDI_LIM_TABLE_LEN (uint32_t) with as many entries in OSDI_LIM_TABLE, and osdi_log, a pointer to the host's function
 * for messages.
 */
#ifndef CN_OSDI_ABI_H
#define CN_OSDI_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CN_OSDI_MAJOR 0 /* versions that this header describes: */
#define CN_OSDI_MINOR 4 /* from this one on, */
#define CN_OSDI_LATEST 5 /* up to this one */

/* An offset, a node or a pair that is not there; as a node it is the global reference. */
#define CN_OSDI_NONE UINT32_MAX

/* flags of a parameter: its type in the low bits, what it belongs to in the high ones */
#define CN_OSDI_TYPE 3u
enum { CN_OSDI_REAL = 0, CN_OSDI_INTEGER = 1, CN_OSDI_STRING = 2 };
#define CN_OSDI_OWNER (3u << 30)
#define CN_OSDI_OF_MODEL 0u
#define CN_OSDI_OF_INSTANCE (1u << 30)
#define CN_OSDI_OF_POINT (2u << 30) /* a variable of the operating point */

/* flags of `access` */
enum { CN_OSDI_READ = 0, CN_OSDI_SET = 1, CN_OSDI_INSTANCE = 4 };

/* flags of a Jacobian entry */
enum { CN_OSDI_ENTRY_RESIST = 4, CN_OSDI_ENTRY_REACT = 8 };

/* flags of `eval`: what to compute, and in which analysis */
enum {
    CN_OSDI_RESIST_RESIDUAL = 1,
    CN_OSDI_REACT_RESIDUAL = 2,
    CN_OSDI_RESIST_JACOBIAN = 4,
    CN_OSDI_REACT_JACOBIAN = 8,
    CN_OSDI_NOISE = 16,
    CN_OSDI_POINT = 32,
    CN_OSDI_RESIST_LIMIT = 64,
    CN_OSDI_REACT_LIMIT = 128,
    CN_OSDI_ENABLE_LIMIT = 256,
    CN_OSDI_INIT_LIMIT = 512,
    CN_OSDI_IN_NOISE = 1024,
    CN_OSDI_IN_DC = 2048,
    CN_OSDI_IN_AC = 4096,
    CN_OSDI_IN_TRAN = 8192,
    CN_OSDI_IN_IC = 16384,
    CN_OSDI_IN_STATIC = 32768
};

/* what `eval` and the set-up functions answer */
enum { CN_OSDI_LIMITED = 1, CN_OSDI_FATAL = 2, CN_OSDI_FINISH = 4, CN_OSDI_STOP = 8 };

/* levels of a message; with the last bit the text is a constant of the library */
enum { CN_OSDI_LOG_LEVEL = 7, CN_OSDI_LOG_WARN = 3, CN_OSDI_LOG_ERROR = 4, CN_OSDI_LOG_FATAL = 5, CN_OSDI_LOG_RAW = 16 };

enum { CN_OSDI_OUT_OF_BOUNDS = 1 }; /* the one error of set-up */

typedef struct cn_osdi_pair {
    uint32_t first, second;
} cn_osdi_pair;

typedef struct cn_osdi_node {
    const char *name, *units, *residual_units;
    uint32_t resist_residual, react_residual; /* offsets in the instance's data */
    uint32_t resist_limit, react_limit;
    bool is_flow;
} cn_osdi_node;

typedef struct cn_osdi_entry {
    cn_osdi_pair at;   /* row, column */
    uint32_t react_at; /* offset of the pointer to the reactive value */
    uint32_t flags;
} cn_osdi_entry;

typedef struct cn_osdi_param {
    const char *const *names; /* 1 + n_aliases */
    uint32_t n_aliases;
    const char *description, *units;
    uint32_t flags;
    uint32_t length; /* of an array, 0 for a scalar */
} cn_osdi_param;

typedef struct cn_osdi_noise_source {
    const char *name; /* may be NULL */
    cn_osdi_pair nodes;
} cn_osdi_noise_source;

/* Numbers and texts of $simparam; both lists of names end with NULL. */
typedef struct cn_osdi_simparams {
    const char *const *names;
    const double *values;
    const char *const *text_names;
    const char *const *texts;
} cn_osdi_simparams;

typedef struct cn_osdi_siminfo {
    cn_osdi_simparams params;
    double time;
    const double *solution;
    double *states, *next_states;
    uint32_t flags;
} cn_osdi_siminfo;

typedef struct cn_osdi_error {
    uint32_t code;
    uint32_t param;
} cn_osdi_error;

typedef struct cn_osdi_setup {
    uint32_t flags;
    uint32_t n_errors;
    cn_osdi_error *errors; /* of malloc: the host frees it */
} cn_osdi_setup;

typedef struct cn_osdi_limiter {
    const char *name;
    uint32_t n_args;
    void *function; /* double (bool init, bool *limited, double value, double old, n_args numbers) */
} cn_osdi_limiter;

typedef struct cn_osdi_descriptor {
    const char *name;
    uint32_t n_nodes, n_terminals;
    const cn_osdi_node *nodes;
    uint32_t n_entries;
    const cn_osdi_entry *entries;
    uint32_t n_collapsible;
    const cn_osdi_pair *collapsible;
    uint32_t collapsed; /* offset of n_collapsible bools */
    const cn_osdi_noise_source *noise_sources;
    uint32_t n_noise;
    uint32_t n_params, n_instance_params, n_point;
    const cn_osdi_param *params; /* instance parameters, model parameters, variables of the operating point */
    uint32_t node_mapping;   /* offset of n_nodes uint32_t */
    uint32_t resist_entries; /* offset of n_entries double * */
    uint32_t n_states;
    uint32_t state_index; /* offset of n_states uint32_t */
    uint32_t bound_step;  /* offset of a double */
    uint32_t instance_size, model_size;
    void *(*access)(void *instance, void *model, uint32_t param, uint32_t flags);
    void (*setup_model)(void *handle, void *model, const cn_osdi_simparams *params, cn_osdi_setup *out);
    void (*setup_instance)(void *handle, void *instance, void *model, double temperature, uint32_t n_terminals,
                           const cn_osdi_simparams *params, cn_osdi_setup *out);
    uint32_t (*eval)(void *handle, void *instance, void *model, const cn_osdi_siminfo *info);
    void (*load_noise)(void *instance, void *model, double frequency, double *density);
    void (*load_residual_resist)(void *instance, void *model, double *into);
    void (*load_residual_react)(void *instance, void *model, double *into);
    void (*load_limit_resist)(void *instance, void *model, double *into);
    void (*load_limit_react)(void *instance, void *model, double *into);
    void (*load_spice_dc)(void *instance, void *model, double *into, const double *solution);
    void (*load_spice_tran)(void *instance, void *model, double *into, const double *solution, double alpha);
    void (*load_jacobian_resist)(void *instance, void *model);
    void (*load_jacobian_react)(void *instance, void *model, double alpha);
    void (*load_jacobian_tran)(void *instance, void *model, double alpha);
    uint32_t (*given_model)(void *model, uint32_t param);
    uint32_t (*given_instance)(void *instance, uint32_t param);
    uint32_t n_resist, n_react; /* entries with these parts */
    void (*write_jacobian_resist)(void *instance, void *model, double *into);
    void (*write_jacobian_react)(void *instance, void *model, double *into);
    uint32_t n_inputs;
    const cn_osdi_pair *inputs;
    void (*load_jacobian_resist_at)(void *instance, void *model, size_t offset);
    void (*load_jacobian_react_at)(void *instance, void *model, size_t offset);
    const void *unknown_natures, *residual_natures;
} cn_osdi_descriptor;

#endif
