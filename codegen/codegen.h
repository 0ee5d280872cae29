// From a finished module (after `plan_memory`) to machine code: the border of codegen/. No LLVM type passes through it.
#pragma once

#include "codegen/abi.h"
#include "ir/module.h"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

// The machine that this process runs on.
Target host_target();
// A target by the name of a CPU as LLVM knows it ("x86-64-v3", "znver4", "native"); throws Error for an unknown name,
// with the nearest known one as help.
Target target_for(std::string_view cpu);
// What code for this target may use and the machine that this process runs on has not, as LLVM names it ("avx512f").
std::vector<std::string> features_lacking_here(Target const&);

struct CompileOptions {
  int threads = 2;  // compiler threads
  size_t parts = 2; // that may be made side by side; one, where a file is wanted
  // Set by another thread: no function is begun any more, and compile throws Error (cancelled).
  std::atomic<bool> const* cancelled = nullptr;
};

// Object files and what a host must know to call them.
struct Object {
  std::vector<std::vector<u8>> parts; // ELF; they need each other, and nothing beside
  std::vector<std::string> entries;   // names of the functions that have an entry "nnc_<name>"
};

// Throws Error for what cannot be compiled (a dtype that is not built yet), CompilerBug for what should never come.
Object compile(Module const&, CompileOptions const& = {});

enum class Emit { loops, llvm, assembly };
std::string emit(Module const&, Emit);

// The parts of an object linked into this process. The code lives as long as this does.
class Loaded {
public:
  virtual ~Loaded() = default;
  virtual nnc_entry entry(std::string_view function) const = 0; // null when there is none
};
std::unique_ptr<Loaded> load(Object const&);

} // namespace nnc
