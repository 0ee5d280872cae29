// From a finished module (after `plan_memory`) to machine code: the border of codegen/. No LLVM type passes through it.
#pragma once

#include "ir/module.h"
#include "nnc/abi.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

// The machine that this process runs on.
Target host_target();
std::string llvm_version(); // "19.1.7"
// A target by the name of a CPU as LLVM knows it ("x86-64-v3", "znver4", "native"; empty: what every processor of the
// triple can stand for) and a triple ("aarch64-linux-gnu"; empty: this machine's). Throws Error for an unknown one,
// with the nearest known name as help.
Target target_for(std::string_view cpu, std::string_view triple = {});
// What code for this target, of this machine's triple, may use and the machine that this process runs on has not, as
// LLVM names it ("avx512f").
std::vector<std::string> features_lacking_here(Target const&);

// What an object file P.o has beside its entries:
//
//   int64_t P_interface(void)     the number of the header that goes with it (codegen/header/header.h)
//   int32_t P_supported(void)     1: the processor that asks can run its code, else 0
//   const data                    by name, aligned to 64
struct FileSymbols {
  u64 interface_number = 0;
  std::vector<std::pair<std::string, std::vector<u8>>> data;
};

struct CompileOptions {
  int threads = 2;  // compiler threads
  size_t parts = 2; // that may be made side by side; one, where a file is wanted
  // Set by another thread: no function is begun any more, and compile throws Error (cancelled).
  std::atomic<bool> const* cancelled = nullptr;
  std::string prefix = "nnc"; // of every symbol that others see
  std::optional<FileSymbols> file = {};
};

// Object files and what a host must know to call them.
struct Object {
  std::vector<std::vector<u8>> parts; // ELF, COFF or Mach-O; they need each other, and nothing beside
  std::vector<std::string> entries;   // names of the functions that have an entry "<prefix>_call_<name>"
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
