# Fuzzing: tests/fuzz/target_*.c around one reader each, under ASan and UBSan, with limits of a model that keep every
# input short. Nothing else is built then, and no test is declared.
#   -DTGC_FUZZ=ON        libFuzzer's programs, fuzz-<target>: clang with libclang-rt-dev
#   -DTGC_FUZZ=REPLAY    a plain main, replay-<target>, which runs files of inputs: any compiler with the sanitizers
# Both make replay-<target>, since that also reads and writes the corpora.
set(TGC_FUZZ_TARGETS scanner parser elaborate safetensors checkpoint data)
set(TGC_FUZZ_FILE_TARGETS safetensors checkpoint data) # the others read texts

set(TGC_FUZZ_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
if(TGC_FUZZ STREQUAL "REPLAY")
  set(kinds replay)
else()
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "TGC_FUZZ needs clang: configure an empty folder with CC=clang cmake -DTGC_FUZZ=ON …")
  endif()
  set(kinds fuzz replay)
  # comparisons are not traced: the mutators know the words, and it halves the speed
  add_compile_options(-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp)
endif()
add_compile_options(${TGC_FUZZ_FLAGS})
add_link_options(-fsanitize=address,undefined)
add_compile_definitions(TGC_MAX_NODES=3000 TGC_MAX_TURNS=64 TGC_MAX_UNITS=64 TGC_MAX_STEPS=20000 TGC_CHUNK_BYTES=8192)

function(tgc_fuzz_programs)
  foreach(target ${TGC_FUZZ_TARGETS})
    set(mutator text)
    set(parts base lang)
    if(target STREQUAL "elaborate")
      list(APPEND parts graph ops pass)
    elseif(target IN_LIST TGC_FUZZ_FILE_TARGETS)
      set(mutator file)
      set(parts runtime)
    endif()
    foreach(kind ${kinds})
      set(sources tests/fuzz/target_${target}.c tests/fuzz/mutate_${mutator}.c tests/fuzz/fuzz.c)
      if(kind STREQUAL "replay")
        list(APPEND sources tests/fuzz/replay.c)
      endif()
      set(name ${kind}-${target})
      add_executable(${name} ${sources})
      target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
      foreach(part ${parts})
        target_link_libraries(${name} PRIVATE tgc_${part})
      endforeach()
      target_link_libraries(${name} PRIVATE ${LIBCLANG_LIBRARY} ${CJSON_LIBRARY} Threads::Threads m)
      if(kind STREQUAL "fuzz")
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
      endif()
      if(target STREQUAL "elaborate")
        target_link_options(${name} PRIVATE -Wl,--wrap=text_read_file) # imports come from the input
      endif()
    endforeach()
  endforeach()
endfunction()
