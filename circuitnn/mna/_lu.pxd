"""The C interface of the sparse LU, for other Cython modules."""

cdef extern from "cn_types.h":
    ctypedef int cn_idx
    ctypedef enum cn_status:
        CN_OK
        CN_NO_MEMORY
        CN_SINGULAR
        CN_PIVOT_GROWTH
        CN_NOT_FINITE
        CN_BAD_ARGUMENT

cdef extern from "cn_order.h" nogil:
    cn_status cn_order(cn_idx n, const cn_idx *ap, const cn_idx *ai, cn_idx *perm)

cdef extern from "cn_lu.h" nogil:
    ctypedef struct cn_lu:
        pass
    cn_status cn_lu_init(cn_lu **lu, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm)
    cn_status cn_lu_factor(cn_lu *lu, const double *ax)
    cn_status cn_lu_refactor(cn_lu *lu, const double *ax)
    cn_status cn_lu_solve(cn_lu *lu, double *b)
    cn_status cn_lu_solve_transposed(cn_lu *lu, double *b)
    cn_status cn_lu_solve_many(cn_lu *lu, cn_idx nrhs, double *b)
    cn_idx cn_lu_bad_column(const cn_lu *lu)
    size_t cn_lu_nnz(const cn_lu *lu)
    size_t cn_lu_bytes(const cn_lu *lu)
    void cn_lu_free(cn_lu *lu)

    ctypedef struct cn_zlu:
        pass
    cn_status cn_zlu_init(cn_zlu **lu, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm)
    cn_status cn_zlu_factor(cn_zlu *lu, const double complex *ax)
    cn_status cn_zlu_refactor(cn_zlu *lu, const double complex *ax)
    cn_status cn_zlu_solve(cn_zlu *lu, double complex *b)
    cn_status cn_zlu_solve_transposed(cn_zlu *lu, double complex *b)
    cn_status cn_zlu_solve_many(cn_zlu *lu, cn_idx nrhs, double complex *b)
    cn_idx cn_zlu_bad_column(const cn_zlu *lu)
    size_t cn_zlu_nnz(const cn_zlu *lu)
    size_t cn_zlu_bytes(const cn_zlu *lu)
    void cn_zlu_free(cn_zlu *lu)
