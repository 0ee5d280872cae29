// A pass takes a module and returns a module. The list in pipeline.cpp is the pipeline.
#pragma once

#include "ir/module.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

struct PassContext {
  Target target; // what `schedule` and `plan_memory` plan for
  std::vector<Diagnostic> diagnostics;
  std::function<void(std::string const&)> trace; // which rule fired where; may be empty
};

struct PassResult {
  Module module;
  bool changed = true;
};

// Of a pass that looks at one function after the other: `change` says whether it has changed anything.
template <class Change>
PassResult each_function(Module m, Change change) {
  bool changed = false;
  for (auto& f : m.functions) changed |= change(f);
  return {std::move(m), changed};
}

// A row of the pipeline. The harness asks it what to hold the pass to.
struct Pass {
  std::string_view name;
  PassResult (*run)(Module, PassContext&);
  std::string_view why;    // why it stands where it stands
  bool optional = false;   // code can be made without it
  bool idempotent = false; // a second run, at once, changes nothing
  bool rounds = false;     // may change bits of a result; all others are held to equal bits
  f64 tolerance = 0;       // so far, relatively, `--check each` lets a value of the evaluator move
};

// The passes in order. `differentiate` to `plan_memory` included; the same list serves training and inference.
std::span<Pass const> pipeline();
Pass const* pass_named(std::string_view);
std::vector<Pass const*> distinct_passes(); // each once, by its first row

// How `run_passes` runs: dumping, leaving out, checking and timing live here and only here.
struct PassOptions {
  std::vector<std::string> only;    // --passes a,b: exactly these, in this order
  std::vector<std::string> without; // --without P
  i64 max_nodes = 0;                // --max-nodes N: an error as soon as a pass makes more; 0: any number
  bool check_each = false; // --check each: verify and evaluate after every pass, name the first that changed a value
  std::function<void(std::string_view stage, Module const&, bool changed)>
      dump; // called after each pass (and with "elaborate" before)
  std::function<void(std::string_view pass, double ms, size_t nodes)> time;
};
Module run_passes(Module, PassOptions const&, PassContext&); // throws Error (user's fault) or CompilerBug

} // namespace nnc
