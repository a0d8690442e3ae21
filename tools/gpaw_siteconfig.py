"""Build settings for a serial GPAW (GPAW_CONFIG): its own default picks the C compiler, which cannot build it."""

mpi = False
compiler = "g++"
libraries = ["xc", "blas"]
