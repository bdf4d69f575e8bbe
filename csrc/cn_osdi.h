/* Compiled Verilog-A models (cn_osdi_abi.h) as kernels: instances that live as long as the circuit they belong to.
 *
 * The kernel has one parameter, the number of the instance; its local unknowns are the model's nodes, in the model's
 * order, and after them, where a noise source flows to the global reference, an unknown that stands for that.  Nodes
 * that an instance collapses share an unknown of the circuit; each still has its own row here.
 */
#ifndef CN_OSDI_H
#define CN_OSDI_H

#include "cn_kernel.h"
#include "cn_osdi_abi.h"

typedef struct cn_osdi cn_osdi;

/* The functions that a library may ask its host for; a limiter that is not known here returns its voltage unchanged.
 * Returns the name of such a one, NULL when there is none. */
const char *cn_osdi_attach(cn_osdi_limiter *table, uint32_t n, void **log);

/* n instances, of which the k-th is of the model model_of[k] < n_models. */
cn_status cn_osdi_init(cn_osdi **out, const cn_osdi_descriptor *descriptor, cn_idx n_models, cn_idx n,
                       const cn_idx *model_of);
void cn_osdi_free(cn_osdi *o);

/* Where the value of a parameter of the k-th model or instance is to be written, or a variable of the operating point
 * read; double, int32_t or char * by its type. */
void *cn_osdi_of_model(cn_osdi *o, cn_idx k, uint32_t param);
void *cn_osdi_of_instance(cn_osdi *o, cn_idx k, uint32_t param);
const void *cn_osdi_value(cn_osdi *o, cn_idx k, uint32_t param);

/* Numbers that models ask for by $simparam. */
typedef struct cn_osdi_numbers {
    double gmin, tnom /* degrees Celsius */, minr, scale;
} cn_osdi_numbers;

/* Finish a model after its parameters are given, then its instances; temperature in kelvin.  What comes back lists the
 * parameters that are out of bounds; the caller frees out->errors. */
void cn_osdi_setup_model(cn_osdi *o, cn_idx k, const cn_osdi_numbers *numbers, cn_osdi_setup *out);
void cn_osdi_setup_instance(cn_osdi *o, cn_idx k, double temperature, cn_osdi_setup *out);

/* Which of the descriptor's collapsible pairs the k-th instance collapses. */
const bool *cn_osdi_collapsed(const cn_osdi *o, cn_idx k);

/* The kernel of the model's equations, and that of its readings: the same local unknowns and one more for each variable
 * of the operating point that is a number, which equals it.  Slopes of readings are central differences. */
const cn_kernel *cn_osdi_kernel(const cn_osdi *o);
const cn_kernel *cn_osdi_readings(const cn_osdi *o);

/* What is known of the readings of a transistor.  Nodes and readings are numbers, -1 for what is not there. */
typedef struct cn_osdi_channel {
    cn_idx drain, gate, source, bulk; /* inner nodes, between which the channel's current flows */
    cn_idx junction;                  /* node of the drain's junction where bodies have resistances */
    cn_idx vds, gbd;                  /* readings: which end is the drain, and the junction's conductance */
    cn_idx gm, gds, gmbs;             /* readings that are taken from the Jacobian, as the slopes of the drain's current */
} cn_osdi_channel;

/* Readings that are multiplied by the number of elements in parallel, by a flag each, whose parameter is `number`; and
 * the channel of a transistor, NULL to take all readings as they are. */
void cn_osdi_set_readings(cn_osdi *o, const uint8_t *scaled, cn_idx number, const cn_osdi_channel *channel);

/* Messages of the model since they were last forgotten, a line each: the digit of its level, the instance or -1 (a card),
 * a blank, the text.  What does not fit into a few thousand bytes is lost. */
const char *cn_osdi_messages(cn_osdi *o);
void cn_osdi_forget_messages(cn_osdi *o);

/* The instance that stopped the simulation since the last call with forget != 0, or -1. */
cn_idx cn_osdi_stopped(cn_osdi *o, int forget);

#endif
