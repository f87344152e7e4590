# The compiler: the pipeline (compiler/*.c), the command line (compiler/command) and main over all layers and the runtime.
set(TGC_SYSTEM_LIBRARIES ${LIBCLANG_LIBRARY} ${CJSON_LIBRARY} ${CMAKE_DL_LIBS} Threads::Threads m)

# Everything but main.c, so that unit tests can call the pipeline too.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/compiler/*.c)
list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/compiler/main.c)
if(sources)
  add_library(tgc_pipeline OBJECT ${sources} ${TGC_EXTRA_pipeline})
  target_compile_definitions(tgc_pipeline PRIVATE _GNU_SOURCE)
  target_include_directories(tgc_pipeline SYSTEM PRIVATE ${CJSON_INCLUDE} ${LIBCLANG_INCLUDE})
endif()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/compiler/command/*.c)
if(sources)
  add_library(tgc_command OBJECT ${sources} ${TGC_EXTRA_command})
  target_compile_definitions(tgc_command PRIVATE _GNU_SOURCE)
  target_include_directories(tgc_command SYSTEM PRIVATE ${CJSON_INCLUDE})
endif()

if(EXISTS ${CMAKE_SOURCE_DIR}/compiler/main.c)
  add_executable(tgc compiler/main.c)
  target_compile_definitions(tgc PRIVATE _GNU_SOURCE)
  foreach(part ${TGC_BUILT_LAYERS} pipeline command runtime)
    if(TARGET tgc_${part})
      target_link_libraries(tgc PRIVATE tgc_${part})
    endif()
  endforeach()
  target_link_libraries(tgc PRIVATE ${TGC_SYSTEM_LIBRARIES})
endif()
