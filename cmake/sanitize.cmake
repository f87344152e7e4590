# -DTGC_SANITIZE=ON: the compiler runs under ASan and UBSan, and so does the C it generates: the cc pass appends what
# the environment's TGC_CFLAGS holds, and cmake/tests.cmake sets that for every test. Both must come from one C
# compiler, or two ASan runtimes meet in one process; generated code is compiled with clang, so the compiler is too.
if(TGC_SANITIZE)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "TGC_SANITIZE needs clang for the compiler itself: "
                        "configure an empty folder with CC=clang cmake -DTGC_SANITIZE=ON …")
  endif()
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -fsanitize=address,undefined)
  check_c_source_compiles("int main(void) { return 0; }" TGC_HAVE_ASAN)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT TGC_HAVE_ASAN)
    message(FATAL_ERROR "clang's sanitizers are not here: install libclang-rt-dev (Debian's name), "
                        "or run scripts/setup --dev")
  endif()
  set(TGC_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_compile_options(${TGC_SANITIZE_FLAGS})
  add_link_options(-fsanitize=address,undefined)
endif()
