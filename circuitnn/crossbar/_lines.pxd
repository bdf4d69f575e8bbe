"""The C side of the line solver, and the class that owns one."""

from libc.stdint cimport int32_t

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx
    ctypedef enum cn_status:
        CN_OK
        CN_NO_MEMORY
        CN_SINGULAR
        CN_NOT_FINITE
        CN_NO_CONVERGENCE
        CN_CONTINUE

cdef extern from "cn_lines.h":
    ctypedef enum cn_lines_kind:
        CN_LINES_PLAIN
        CN_LINES_SINGLE
        CN_LINES_GENERAL
    ctypedef struct cn_end:
        double *g
        double *drive
        double *feed
    ctypedef struct cn_coarse:
        cn_lines *deeper
    ctypedef struct cn_lines:
        cn_coarse coarse
        cn_lines_kind kind
        cn_idx m, n, m_padded, ld
        void *g
        void *u
        void *v
        double *word
        double *bit
        double *word_segment
        double *bit_segment
        double *g_bit
        double *f_word
        double *f_bit
        cn_end word_low, word_high, bit_low, bit_high
        int cycles, steps, threads
        double defect
    void cn_lines_area(cn_idx m, cn_idx n, cn_idx *rows, cn_idx *ld) nogil
    cn_status cn_lines_store(cn_idx m, cn_idx n, const double *g, ptrdiff_t row_stride, ptrdiff_t col_stride,
                             cn_lines_kind kind, void *to, int threads, double *mean) nogil
    cn_status cn_lines_init(cn_lines *l, cn_idx m, cn_idx n, cn_lines_kind kind, void *g, int threads) nogil
    void cn_lines_free(cn_lines *l) nogil
    cn_status cn_lines_factor(cn_lines *l, double mean) nogil
    void cn_lines_begin(cn_lines *l, double tolerance, int max_cycles, int warm) nogil
    cn_status cn_lines_advance(cn_lines *l, double *current) nogil
    void cn_lines_stop(cn_lines *l) nogil

cdef extern from "cn_memory.h":
    void *cn_memory_take(size_t bytes) nogil
    void cn_memory_give(void *p, size_t bytes) nogil

cdef extern from "cn_many.h":
    int cn_many_fits(const cn_lines *l) nogil
    cn_status cn_many_all(const cn_lines *l, cn_idx count, const double *word, const double *bit, double tolerance,
                          int max_cycles, int threads, double *current, double *into) nogil
    cn_status cn_many_arrays(const cn_lines *model, cn_idx count, const double *g, cn_idx vectors, const double *word,
                             int each, double tolerance, int max_cycles, int threads, double *current,
                             unsigned char *failed) nogil


cdef class Lines:
    cdef cn_lines l
    cdef bint usable
    cdef object keep
    cdef int _wire(self, word, bit, bint general) except -1
