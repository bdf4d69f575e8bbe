/* Updates by pulses, rows shared out among threads, see cn_synapse.h. */
#include "cn_synapse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

/* GCC tells that vectors would be passed otherwise by other compilers; all that takes any is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum {
    PORTION = 16,  /* samples whose trains are made at a time */
    GROUP = 64,    /* devices that share a block of random numbers: 16 counters of four words */
    TRAIN_BITS = 24,
    SHARED = 500000 /* devices, times samples, below which a second thread costs more than it gives */
};

/* What random numbers are for; the upper half of the key, with the number of a step from bit 4 on. */
enum { FOR_ROWS = 0, FOR_COLUMNS = 1, FOR_ROUNDING = 2, FOR_DEVICES = 4 };

/* Drivers of a sample that fire at all. */
typedef struct drivers {
    cn_idx n;
    int32_t *at;      /* row or column */
    float *value;     /* signed: probability of a slot, or what a deterministic pulse is as long or as high as */
    uint32_t *train;  /* bits of slots; 0 for rows and columns that `at` may leave out */
} drivers;

typedef struct rooms {
    drivers row[PORTION], column[PORTION];
    float *row_value;              /* (PORTION, rows) as `value`, for every row */
    uint32_t *row_train;           /* (PORTION, rows) */
    int32_t *at;                   /* (threads, cols + GROUP) devices of a row that step */
    float *steps;                  /* (threads, cols + GROUP) */
    double *row_steps, *row_charge; /* (2, rows): sums over a row, added up in order */
    size_t width;                  /* cols + GROUP */
    void *memory;
} rooms;

#define KIND
#define TEMPLATE "cn_synapse_pass.h"
#include "cn_targets.h"

typedef void (*trains_function)(drivers *, uint64_t, uint64_t, uint32_t, uint32_t);
typedef void (*row_function)(const cn_synapse *, const float *, cn_idx, cn_idx, uint64_t, int32_t *, float *);

typedef void (*disturb_function)(const cn_synapse *, cn_idx, cn_idx);

static int level(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

static trains_function choose_trains(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (level() == 2) return trains_avx512;
    if (level() == 1) return trains_avx2;
#endif
    return trains_plain;
}

static row_function choose_row(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (level() == 2) return row_avx512;
    if (level() == 1) return row_avx2;
#endif
    return row_plain;
}

static disturb_function choose_disturb(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (level() == 2) return disturb_avx512;
    if (level() == 1) return disturb_avx2;
#endif
    return disturb_plain;
}

/* The next part of the memory, of a multiple of 64 bytes. */
static void *part(char **from, size_t bytes)
{
    char *here = *from;
    *from += (bytes + 63) / 64 * 64;
    return here;
}

cn_status cn_synapse_init(cn_synapse *s)
{
    const size_t rows = (size_t)s->rows, cols = (size_t)s->cols, threads = (size_t)s->threads, n = PORTION;
    const size_t width = cols + GROUP, tall = rows + GROUP;
    const size_t words = n * (4 * tall + 3 * width) + n * rows + 2 * threads * width;
    const size_t bytes = 4 * words + 8 * 4 * rows + 64 * (6 * n + 16);
    s->room = NULL;
    rooms *room = calloc(1, sizeof(rooms));
    if (!room) return CN_NO_MEMORY;
    room->memory = calloc(bytes + 64, 1);
    if (!room->memory) {
        free(room);
        return CN_NO_MEMORY;
    }
    char *from = (char *)(((uintptr_t)room->memory + 63) / 64 * 64);
    for (size_t k = 0; k < n; k++) {
        room->row[k].at = part(&from, 4 * tall);
        room->row[k].value = part(&from, 4 * tall);
        room->row[k].train = part(&from, 4 * tall);
        room->column[k].at = part(&from, 4 * width);
        room->column[k].value = part(&from, 4 * width);
        room->column[k].train = part(&from, 4 * width);
    }
    room->row_value = part(&from, 4 * n * rows);
    room->row_train = part(&from, 4 * n * rows);
    room->at = part(&from, 4 * threads * width);
    room->steps = part(&from, 4 * threads * width);
    room->row_steps = part(&from, 8 * 2 * rows);
    room->row_charge = part(&from, 8 * 2 * rows);
    room->width = width;
    s->room = room;
    return CN_OK;
}

void cn_synapse_free(cn_synapse *s)
{
    rooms *room = s->room;
    if (room) free(room->memory);
    free(room);
    s->room = NULL;
}

static float largest(const float *v, cn_idx n)
{
    float most = 0.0f;
    for (cn_idx i = 0; i < n; i++) most = fabsf(v[i]) > most ? fabsf(v[i]) : most;
    return most;
}

/* Those of n numbers that are not 0, times a factor. */
static void gather(drivers *to, const float *v, cn_idx n, float factor)
{
    cn_idx m = 0;
    for (cn_idx i = 0; i < n; i++) {
        to->at[m] = i;
        to->value[m] = v[i] * factor;
        m += v[i] != 0.0f;
    }
    to->n = m;
}

static int ones(uint32_t word) { return __builtin_popcount(word); }

/* Remember in which slots the drivers of a side, at `offset`, fired: those that have the sign of a driver of the other
 * side while devices go up, the others while they go down, where there are any. */
static void remember(cn_synapse *s, const drivers *mine, const drivers *other, size_t offset)
{
    int rises = 0, falls = 0;
    for (cn_idx i = 0; i < other->n; i++) {
        rises |= other->value[i] > 0.0f;
        falls |= other->value[i] < 0.0f;
    }
    float *up = s->seen + offset, *down = up + (size_t)(s->rows + s->cols);
    for (cn_idx i = 0; i < mine->n; i++) {
        const float slots = s->way == CN_PULSES_STOCHASTIC ? (float)ones(mine->train[i]) : 1.0f;
        const int positive = mine->value[i] > 0.0f;
        if (positive ? rises : falls) up[mine->at[i]] += slots;
        if (positive ? falls : rises) down[mine->at[i]] += slots;
    }
}

/* Drivers of one sample, from what they are to carry; false when nothing is to be done. */
static int drive(cn_synapse *s, const float *x, const float *d, cn_idx k, trains_function trains)
{
    rooms *room = s->room;
    drivers *row = room->row + k, *column = room->column + k;
    float *value = room->row_value + (size_t)k * (size_t)s->rows;
    uint32_t *train = room->row_train + (size_t)k * (size_t)s->rows;
    const float most_x = largest(x, s->rows), most_d = largest(d, s->cols);
    const uint64_t count = s->count++;
    row->n = column->n = 0;
    if (most_x == 0.0f || most_d == 0.0f) return 0;
    const float wanted = most_x * (most_d / s->step);
    if (s->way == CN_PULSES_STOCHASTIC) {
        int slots = s->slots;
        if (s->manage && wanted < (float)slots) slots = wanted > 1.0f ? (int)ceilf(wanted) : 1;
        /* both drivers of the largest change fire equally often */
        const float most = sqrtf(wanted / (float)slots);
        gather(row, x, s->rows, most / most_x);
        gather(column, d, s->cols, most / most_d);
        const uint32_t mask = slots == 32 ? UINT32_MAX : (1u << slots) - 1u;
        trains(row, s->seed, count, FOR_ROWS, mask);
        trains(column, s->seed, count, FOR_COLUMNS, mask);
        memset(train, 0, sizeof(uint32_t) * (size_t)s->rows);
        for (cn_idx i = 0; i < row->n; i++) {
            train[row->at[i]] = row->train[i];
            s->row_pulses += ones(row->train[i]);
            s->clipped += fabsf(row->value[i]) > 1.0f;
        }
        cn_idx m = 0;
        for (cn_idx j = 0; j < column->n; j++) {
            s->column_pulses += ones(column->train[j]);
            s->clipped += fabsf(column->value[j]) > 1.0f;
            column->at[m] = column->at[j];
            column->value[m] = column->value[j];
            column->train[m] = column->train[j];
            m += column->train[j] != 0;
        }
        column->n = m;
        s->slots_used += slots;
    } else {
        gather(row, x, s->rows, s->way == CN_PULSES_SIGN ? 1.0f : 1.0f / most_x);
        gather(column, d, s->cols, s->way == CN_PULSES_SIGN ? 1.0f : most_x / s->step);
        s->row_pulses += row->n;
        s->column_pulses += column->n;
        s->half_steps -= 2.0 * row->n * column->n * s->n_devices;
        s->slots_used += 1;
    }
    memset(value, 0, sizeof(float) * (size_t)s->rows);
    for (cn_idx i = 0; i < row->n; i++) value[row->at[i]] = row->value[i];
    if (s->seen) {
        remember(s, row, column, 0);
        remember(s, column, row, (size_t)s->rows);
    }
    return 1;
}

/* Let `samples` of them, or the changes, act on all rows. */
static void act(cn_synapse *s, const float *change, cn_idx samples, uint64_t count)
{
    rooms *room = s->room;
    const row_function move = choose_row();
    const size_t rows = (size_t)s->rows;
    memset(room->row_steps, 0, 16 * rows);
    memset(room->row_charge, 0, 16 * rows);
    const int many = s->threads > 1 && (double)samples * s->rows * s->cols > SHARED;
#pragma omp parallel num_threads(s->threads) if (many)
    {
        size_t own = 0;
#ifdef _OPENMP
        own = (size_t)omp_get_thread_num();
#endif
        int32_t *at = room->at + own * room->width;
        float *steps = room->steps + own * room->width;
#pragma omp for schedule(dynamic, 16)
        for (cn_idx i = 0; i < s->rows; i++) move(s, change, i, samples, count, at, steps);
    }
    double all = 0.0;
    for (cn_idx k = 0; k < s->n_devices; k++)
        for (size_t i = 0; i < rows; i++) {
            s->steps[k] += room->row_steps[(size_t)k * rows + i];
            s->charge[k] += room->row_charge[(size_t)k * rows + i];
            all += room->row_steps[(size_t)k * rows + i];
        }
    if (s->way == CN_PULSES_STOCHASTIC) s->half_steps -= 2.0 * all;
}

/* Let half-selected devices move by all that they have seen. */
static void disturb(cn_synapse *s)
{
    const disturb_function move = choose_disturb();
    const size_t cells = (size_t)s->rows * (size_t)s->cols;
#pragma omp parallel for schedule(static) num_threads(s->threads) if (s->threads > 1 && cells > SHARED)
    for (cn_idx i = 0; i < s->rows; i++)
        for (cn_idx k = 0; k < s->n_devices; k++) move(s, k, i);
    memset(s->seen, 0, sizeof(float) * 2 * (size_t)(s->rows + s->cols));
    s->seen_samples = 0;
    if (s->weight) {
        const float *state = s->device[0].state, *other = s->n_devices == 2 ? s->device[1].state : s->rest;
        for (size_t c = 0; c < cells; c++) s->weight[c] = state[c] - other[c];
    }
}

void cn_synapse_update(cn_synapse *s, const float *x, const float *d, cn_idx samples)
{
    const trains_function trains = choose_trains();
    for (cn_idx first = 0; first < samples; first += PORTION) {
        const cn_idx n = samples - first < PORTION ? samples - first : PORTION;
        const uint64_t count = s->count;
        const double before = s->row_pulses * (double)s->cols + s->column_pulses * (double)s->rows;
        int some = 0;
        for (cn_idx k = 0; k < n; k++)
            some |= drive(s, x + (size_t)(first + k) * (size_t)s->rows, d + (size_t)(first + k) * (size_t)s->cols, k, trains);
        const double after = s->row_pulses * (double)s->cols + s->column_pulses * (double)s->rows;
        s->half_steps += (after - before) * (double)s->n_devices;
        if (some) act(s, NULL, n, count);
        if (s->seen && (s->seen_samples += n) >= CN_SYNAPSE_PATIENCE) disturb(s);
    }
}

void cn_synapse_change(cn_synapse *s, const float *change)
{
    const double before = s->half_steps;
    act(s, change, 1, s->count++);
    s->half_steps = before; /* one device after the other: no other sees a pulse */
}
