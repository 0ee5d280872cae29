// Ranges are conditions of @require (ir/module.h), evaluated whenever a number is set: they are few and small.
#include "runtime/ranges.h"

#include "ir/evaluate.h"

#include <charconv>

namespace nnc {
namespace {

std::string shown(f64 x) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, x).ptr};
}

} // namespace

void check_ranges(Module const& module, std::map<std::string, f64, std::less<>> const& scalars) {
  auto const* f = module.function("require");
  if (!f) return;
  std::vector<Tensor> arguments;
  for (auto const& a : f->arguments) {
    auto const found = scalars.find(f->values[a.value].name);
    if (found == scalars.end()) throw Error("the program has no number '" + f->values[a.value].name + "'");
    arguments.push_back({.dtype = DType::f64, .shape = {}, .f = {found->second}, .i = {}});
  }
  auto const results = evaluate(module, *f, arguments);
  std::vector<Diagnostic> broken;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].dtype != DType::bool_ || results[i].i.front()) continue;
    Diagnostic problem{.at = f->values[f->results[i].value].at, .message = f->results[i].name};
    for (size_t k = i + 1; k < results.size() && results[k].dtype != DType::bool_; ++k)
      problem.message += shown(results[k].f.front()) + f->results[k].name;
    broken.push_back(std::move(problem));
  }
  if (!broken.empty()) throw Error(std::move(broken));
}

} // namespace nnc
