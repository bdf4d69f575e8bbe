/* The data of compiled models, for the parts of cn_osdi.h: host functions, set-up, evaluation. */
#ifndef CN_OSDI_DATA_H
#define CN_OSDI_DATA_H

#include "cn_osdi.h"

enum { CN_OSDI_LOG_BYTES = 4096, CN_OSDI_N_NUMBERS = 4 };

/* Of an instance.  RUN: its data are those of the point `at`; FAILED: they are none. */
enum { CN_OSDI_NOT_RUN = 0, CN_OSDI_RUN = 1, CN_OSDI_FAILED = 2 };

struct cn_osdi {
    const cn_osdi_descriptor *d;
    cn_kernel kernel, readings;
    cn_idx n, n_models;
    size_t model_bytes, instance_bytes;
    char *models, *instances;
    cn_idx *model_of;
    uint8_t *state;              /* of each instance: CN_OSDI_NOT_RUN, CN_OSDI_RUN, CN_OSDI_FAILED */
    double *at;                  /* n_nodes of each instance */
    double *x, *f, *q;           /* n_nodes */
    double *states, *next;       /* n_states */
    double *jf, *jq, *density;   /* n_jf, n_jq, 2 n_noise */
    int by_pointers;             /* what a library counts as entries of its Jacobian is not what it lists */
    double *value, *slope;       /* readings, readings times nodes */
    cn_idx *rows;                /* what the kernels' tables point into */
    char **names;
    cn_idx n_names;
    uint32_t *shown;             /* parameter of each reading */
    cn_idx n_shown;
    uint8_t *scaled;             /* of each reading */
    cn_idx number;               /* parameter of the instance that scales readings, -1 when none does */
    cn_osdi_channel channel;     /* drain -1: none */
    double numbers[CN_OSDI_N_NUMBERS];
    cn_idx stopped, current;     /* the last instance that stopped; the one that runs, -1 for a model */
    size_t log_used;
    char log[CN_OSDI_LOG_BYTES];
};

/* The bytes of an instance, of a model, of an instance's model. */
static inline char *cn_osdi_data_of(const cn_osdi *o, cn_idx k) { return o->instances + o->instance_bytes * (size_t)k; }
static inline char *cn_osdi_model_data(const cn_osdi *o, cn_idx k) { return o->models + o->model_bytes * (size_t)k; }
static inline char *cn_osdi_model_of(const cn_osdi *o, cn_idx k) { return cn_osdi_model_data(o, o->model_of[k]); }

/* The number of the local unknown that stands for the global reference. */
static inline cn_idx cn_osdi_reference(const cn_osdi *o) { return (cn_idx)o->d->n_nodes; }

/* What models may ask for by $simparam, as it is now. */
cn_osdi_simparams cn_osdi_simparams_of(const cn_osdi *o);

/* The functions of the kernels, as in cn_kernel.h. */
void cn_osdi_eval(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *, double *,
                  double *, double *, double *);
void cn_osdi_eval_readings(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                           double *, double *, double *, double *);
cn_idx cn_osdi_limit(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                     double *, int);
void cn_osdi_noise(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *, double *);

#endif
