# Writes .nn files as string literals: cmake -DOUT=... -DFOLDER=std -DNAME=std_library -DFILES="a.nn;b.nn" -P embed_std.cmake
set(text "// Made by frontend/embed_std.cmake from frontend/${FOLDER}/*.nn.\n#include \"frontend/std_library.h\"\nnamespace nnc {\nstd::vector<StdFile> const& ${NAME}() {\n  static std::vector<StdFile> const files{\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} content)
  string(APPEND text "    {\"${FOLDER}/${name}\", R\"__nn__(${content})__nn__\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n} // namespace nnc\n")
file(WRITE ${OUT} "${text}")
