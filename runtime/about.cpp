// What the library can say without a program.
#include "codegen/codegen.h"
#include "frontend/documentation.h"
#include "frontend/habits.h"
#include "nnc/nnc.hpp"

namespace nnc {
inline namespace v1 {

Build build() {
  auto const target = host_target();
  return {version(), llvm_version(), target.triple, target.cpu};
}

std::vector<Word> words() {
  std::vector<Word> out;
  for (auto const& word : documented_words())
    out.push_back({word.names, word.kind, word.form, word.text, word.example});
  for (auto const& h : habits()) out.push_back({{std::string(h.word)}, "elsewhere", "", help_of(h), ""});
  return out;
}

} // namespace v1
} // namespace nnc
