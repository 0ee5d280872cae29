// The text form of a module. It round-trips: print(parse(print(m))) == print(m) for every module at every stage, and
// two modules are equal when they print the same.
#pragma once

#include "ir/module.h"

namespace nnc {

std::string print(Module const&);
std::string print(Module const&, Function const&);

struct ParsedModule {
  Module module;
  std::vector<Diagnostic> diagnostics;
};
// Reads the text of `file`, a file of `sources`. Locations of the nodes are those of the trailing comments
// ("# mlp.nn:9") when there are any, else places in the `.ir` file itself; with `own_places` always these, for messages.
ParsedModule parse_ir(std::shared_ptr<Sources> sources, u32 file, bool own_places = false);
ParsedModule parse_ir(std::string name, std::string text);

} // namespace nnc
