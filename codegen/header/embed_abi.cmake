# Writes include/nnc/abi.h as a string literal: cmake -DOUT=... -DFILE=... -P embed_abi.cmake
file(READ ${FILE} content)
file(WRITE ${OUT} "// Made by codegen/header/embed_abi.cmake from include/nnc/abi.h.\n#include \"codegen/header/header.h\"\nnamespace nnc {\nstd::string_view abi_text() {\n  return R\"__c__(${content})__c__\";\n}\n} // namespace nnc\n")
