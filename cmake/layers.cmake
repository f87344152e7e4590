# One object library per layer, in the order in which they may include each other.
# Generated sources join a layer through TGC_EXTRA_<layer>.
set(TGC_LAYERS base lang graph ops pass kernel loop emit)
set(TGC_BUILT_LAYERS)
foreach(layer ${TGC_LAYERS})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/compiler/${layer}/*.c)
  if(sources OR TGC_EXTRA_${layer})
    add_library(tgc_${layer} OBJECT ${sources} ${TGC_EXTRA_${layer}})
    target_compile_definitions(tgc_${layer} PRIVATE _GNU_SOURCE)
    list(APPEND TGC_BUILT_LAYERS ${layer})
  endif()
endforeach()
foreach(layer lang emit) # the two that read C
  if(TARGET tgc_${layer})
    target_include_directories(tgc_${layer} SYSTEM PRIVATE ${LIBCLANG_INCLUDE})
  endif()
endforeach()
