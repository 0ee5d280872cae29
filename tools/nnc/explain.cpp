#include "tools/nnc/explain.h"

#include <fmt/core.h>

namespace command {

std::string constants_text(nnc::Program const& program) {
  std::string text;
  bool tuned = false, batch = false, from_text = false;
  for (auto const& constant : program.constants()) {
    auto const number = fmt::format("{} = {}", constant.name, constant.value);
    auto const place =
        fmt::format("{}:{}:{}: ", nnc::printable(constant.at.file), constant.at.line, constant.at.column);
    text += fmt::format("{:<10} {:<28} {}{}\n", "constant", number, constant.at.line > 0 ? place : "", constant.what);
    (constant.name == "batch" ? batch : tuned) = true;
    from_text |= constant.at.line > 0;
  }
  if (!batch) text += "one code serves every size of batch\n";
  else if (!from_text) text += "batches of other sizes need another module\n";
  else
    text += fmt::format("code is made for each size of batch that is met, once; --dump and --emit show that for {}\n",
                        program.constants().front().value);
  return text + (tuned ? "all other numbers that tune are read at run time\n"
                       : "all numbers that tune are read at run time\n");
}

} // namespace command
