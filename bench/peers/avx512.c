/* avx512.c: says yes where oneMKL asks whether the processor is Intel's, loaded before PyTorch by LD_PRELOAD.
 *
 * The MKL inside PyTorch's builds takes 256-bit code on any other processor, half the rate of one with AVX-512. The
 * question comes from Intel's library, not from PyTorch; with this answer the peer stands at its best. Used only where
 * the processor has AVX-512. */
int mkl_serv_intel_cpu_true(void);
int mkl_serv_intel_cpu(void);

int mkl_serv_intel_cpu_true(void) {
    return 1;
}
int mkl_serv_intel_cpu(void) {
    return 1;
}
