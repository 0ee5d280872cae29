# nnc_add_model(TARGET MODEL.nn[:NAME] ...): a library that is a net, made by the command nnc while the project is built. Who
# links it includes PREFIX.h; the program needs nothing of nnc.
#
#     nnc_add_model(softmax softmax.nn)
#     target_link_libraries(digits PRIVATE softmax)
#
#     PREFIX NAME         of the header and of all names in it (default: TARGET)
#     TRAIN_DATA DATA     train on this first, and put the weights in: what --train takes, mnist or a folder of IDX files
#     TRAIN_OPTIONS ...   switches for that training: --epochs 3
#     WEIGHTS FILE        put the weights of a safetensors file in
#     SET NAME=VALUE ...  model arguments, named dimensions, settings
#     BATCH N             examples per update
#     CPU NAME            the least processor that has to run it (default: the one of this machine, or the least of another
#                         target)
#     TRIPLE TRIPLE       what is compiled for (default: what CMake compiles for)
#     THREADS             with nnc/threads.h, which makes teams of pthreads; the project needs the language C
#     DEPENDS FILE ...    what MODEL.nn imports
#
# The command is the target nnc::command, or else NNC_COMMAND, or nnc where programs are found.

# The triple of what CMake compiles for; nothing where that is this machine.
function(_nnc_triple result)
  set(${result} "" PARENT_SCOPE)
  if(NOT CMAKE_CROSSCOMPILING)
    return()
  endif()
  string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
  if(processor MATCHES "^(aarch64|arm64)$")
    set(family aarch64)
  elseif(processor MATCHES "^(x86_64|amd64)$")
    set(family x86_64)
  else()
    message(FATAL_ERROR "nnc_add_model: no code can be made for the processor ${CMAKE_SYSTEM_PROCESSOR}")
  endif()
  if(WIN32)
    if(MINGW)
      set(system windows-gnu)
    else()
      set(system windows-msvc)
    endif()
  elseif(APPLE)
    set(system apple-macosx)
  else()
    set(system linux-gnu)
  endif()
  set(${result} ${family}-${system} PARENT_SCOPE)
endfunction()

function(_nnc_command result)
  if(TARGET nnc::command)
    set(${result} $<TARGET_FILE:nnc::command> PARENT_SCOPE)
    return()
  endif()
  find_program(NNC_COMMAND nnc DOC "the command nnc")
  if(NOT NNC_COMMAND)
    message(FATAL_ERROR "nnc_add_model: the command nnc is not found; -D NNC_COMMAND=... names it")
  endif()
  set(${result} ${NNC_COMMAND} PARENT_SCOPE)
endfunction()

# FILE or FILE:NAME, as the command takes it, to an absolute file and ":NAME"; a file whose name has a colon is taken as it
# is.
function(_nnc_split_model file name model)
  get_filename_component(path "${model}" ABSOLUTE)
  set(chosen "")
  if(NOT EXISTS "${path}" AND model MATCHES "^(.+)(:[^:/\\]+)$")
    set(chosen "${CMAKE_MATCH_2}")
    get_filename_component(path "${CMAKE_MATCH_1}" ABSOLUTE)
  endif()
  set(${file} "${path}" PARENT_SCOPE)
  set(${name} "${chosen}" PARENT_SCOPE)
endfunction()

# The weights that a training at build time saves.
function(_nnc_train weights command model)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "TRAIN_DATA" "SETTINGS;TRAIN_OPTIONS;DEPENDS")
  set(files)
  if(IS_DIRECTORY "${arg_TRAIN_DATA}")
    file(GLOB files CONFIGURE_DEPENDS ${arg_TRAIN_DATA}/*)
  endif()
  add_custom_command(OUTPUT ${weights}
    COMMAND ${command} ${model} ${arg_SETTINGS} --train ${arg_TRAIN_DATA} ${arg_TRAIN_OPTIONS} --save ${weights}
    DEPENDS ${arg_DEPENDS} ${files}
    COMMENT "Training ${model} on ${arg_TRAIN_DATA}" VERBATIM)
endfunction()

function(nnc_add_model target model)
  cmake_parse_arguments(PARSE_ARGV 2 arg "THREADS" "PREFIX;TRAIN_DATA;WEIGHTS;CPU;TRIPLE;BATCH"
    "SET;TRAIN_OPTIONS;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "nnc_add_model: ${arg_UNPARSED_ARGUMENTS} is none of its words")
  endif()
  if(arg_TRAIN_DATA AND arg_WEIGHTS)
    message(FATAL_ERROR "nnc_add_model: TRAIN_DATA and WEIGHTS both say where the weights come from")
  endif()
  if(NOT arg_PREFIX)
    set(arg_PREFIX ${target})
  endif()
  if(NOT arg_TRIPLE)
    _nnc_triple(arg_TRIPLE)
  endif()
  _nnc_command(command)
  _nnc_split_model(file name "${model}")
  set(model "${file}${name}")
  list(APPEND arg_DEPENDS "${file}" "${command}")
  if(arg_WEIGHTS)
    get_filename_component(arg_WEIGHTS "${arg_WEIGHTS}" ABSOLUTE)
  endif()
  if(arg_TRAIN_DATA AND EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${arg_TRAIN_DATA}")
    get_filename_component(arg_TRAIN_DATA "${arg_TRAIN_DATA}" ABSOLUTE)
  endif()

  set(settings)
  foreach(setting IN LISTS arg_SET)
    list(APPEND settings --set ${setting})
  endforeach()
  if(arg_BATCH)
    list(APPEND settings --batch ${arg_BATCH})
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.nnc)
  file(MAKE_DIRECTORY ${folder})
  if(arg_TRAIN_DATA)
    set(arg_WEIGHTS ${folder}/${arg_PREFIX}.safetensors)
    _nnc_train(${arg_WEIGHTS} ${command} ${model} TRAIN_DATA ${arg_TRAIN_DATA} SETTINGS ${settings}
      TRAIN_OPTIONS ${arg_TRAIN_OPTIONS} DEPENDS ${arg_DEPENDS})
  endif()

  set(switches --emit object --prefix ${arg_PREFIX})
  if(arg_CPU)
    list(APPEND switches --cpu ${arg_CPU})
  endif()
  if(arg_TRIPLE)
    list(APPEND switches --target ${arg_TRIPLE})
  endif()
  if(arg_WEIGHTS)
    list(APPEND switches --load ${arg_WEIGHTS})
  endif()
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  set(language CXX)
  if(C IN_LIST languages)
    set(language C)
  endif()
  set(object ${folder}/${arg_PREFIX}${CMAKE_${language}_OUTPUT_EXTENSION})
  set(header ${folder}/${arg_PREFIX}.h)
  add_custom_command(OUTPUT ${object} ${header}
    COMMAND ${command} ${model} ${settings} ${switches} -o ${object}
    DEPENDS ${arg_DEPENDS} ${arg_WEIGHTS}
    COMMENT "Compiling ${model}" VERBATIM)
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  add_library(${target} STATIC ${object} ${header})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE ${language})
  target_include_directories(${target} PUBLIC ${folder})
  if(arg_THREADS)
    _nnc_add_threads(${target})
  endif()
endfunction()

function(_nnc_add_threads target)
  set(here ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  find_path(NNC_THREADS_DIR nnc/threads.c
    HINTS ${here}/../include ${here}/../../../include ${here}/../../../../include DOC "where nnc/threads.c lies")
  if(NOT NNC_THREADS_DIR)
    message(FATAL_ERROR "nnc_add_model: nnc/threads.c is not found; -D NNC_THREADS_DIR=... names its folder")
  endif()
  find_package(Threads REQUIRED)
  target_sources(${target} PRIVATE ${NNC_THREADS_DIR}/nnc/threads.c)
  target_include_directories(${target} PUBLIC ${NNC_THREADS_DIR})
  target_link_libraries(${target} PUBLIC Threads::Threads)
endfunction()
