// The border of codegen/: modules to objects and texts. Kernels are made side by side in a fixed number of parts, so
// that the object is the same however many threads make it.
#include "codegen/codegen.h"
#include "codegen/llvm/machine.h"
#include "codegen/llvm/merge.h"
#include "codegen/llvm/program.h"
#include "codegen/lower/lower.h"

#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <exception>
#include <numeric>
#include <thread>

namespace nnc {
namespace {

constexpr size_t parts_of_object = 2;

// A function with the loops of its kernels.
struct Lowered {
  explicit Lowered(Function const& f) : storage(f) {}
  Storage storage;
  std::vector<Loops> kernels;
  std::vector<std::string> names; // as in emit_entry
};

bool does_nothing(Loops const& l) { return l.body.empty(); }

std::vector<std::unique_ptr<Lowered>> lower_all(Module const& m, Target const& target) {
  std::vector<std::unique_ptr<Lowered>> all;
  for (auto const& f : m.functions) {
    check_compiled(f);
    auto lowered = std::make_unique<Lowered>(f);
    for (auto const& n : f.body.nodes) {
      if (n.op != OpCode::kernel) continue;
      std::string name = f.name + "." + std::to_string(lowered->names.size());
      auto loops = lower(lowered->storage, n, target, name);
      if (auto wrong = verify(loops); !wrong.empty())
        throw CompilerBug("the loops of " + name + " are wrong: " + wrong.front());
      lowered->names.push_back(does_nothing(loops) ? "" : name);
      if (!does_nothing(loops)) lowered->kernels.push_back(std::move(loops));
    }
    all.push_back(std::move(lowered));
  }
  return all;
}

// What one part holds: entries and kernels, by reference.
struct Part {
  std::vector<Lowered const*> entries;
  std::vector<Loops const*> kernels;
  size_t size = 0;
};

// The largest kernel goes to the part that is smallest so far.
std::vector<Part> split(std::vector<std::unique_ptr<Lowered>> const& all, size_t count) {
  std::vector<Part> parts(count);
  std::vector<Loops const*> kernels;
  for (auto const& f : all) {
    parts[0].entries.push_back(f.get());
    parts[0].size += 100;
    for (auto const& k : f->kernels) kernels.push_back(&k);
  }
  std::stable_sort(kernels.begin(), kernels.end(), [](auto* a, auto* b) { return a->insts.size() > b->insts.size(); });
  for (auto const* k : kernels) {
    auto& part = *std::min_element(parts.begin(), parts.end(), [](auto& a, auto& b) { return a.size < b.size; });
    part.kernels.push_back(k);
    part.size += k->insts.size();
  }
  std::erase_if(parts, [](Part const& p) { return p.entries.empty() && p.kernels.empty(); });
  return parts;
}

std::unique_ptr<llvm::Module> make_module(llvm::LLVMContext& context, Part const& part, llvm::TargetMachine& machine,
                                          Target const& t) {
  auto module = std::make_unique<llvm::Module>("nnc", context);
  module->setTargetTriple(t.triple);
  module->setDataLayout(machine.createDataLayout());
  module->setPICLevel(llvm::PICLevel::BigPIC);
  EmitModule m{*module, facts_of(machine)};
  for (auto const* f : part.entries) emit_entry(m, f->storage, f->names);
  for (auto const* k : part.kernels) emit_kernel(m, *k);
  for (auto& f : *module) // declarations of kernels of other parts: reached directly, not through a table
    if (f.isDeclaration() && !f.isIntrinsic()) f.setVisibility(llvm::GlobalValue::HiddenVisibility);
  return module;
}

llvm::SmallVector<char, 0> object_of(Part const& part, Target const& target) {
  auto machine = machine_for(target);
  llvm::LLVMContext context;
  context.setDiscardValueNames(true);
  auto module = make_module(context, part, *machine, target);
#ifndef NDEBUG
  std::string message;
  llvm::raw_string_ostream out(message);
  if (llvm::verifyModule(*module, &out)) throw CompilerBug("LLVM refuses the code: " + message);
#endif
  return generate(*module, *machine, llvm::CodeGenFileType::ObjectFile);
}

// One thread per part, if so many are allowed; the first that fails is the one that is reported.
std::vector<llvm::SmallVector<char, 0>> objects_of(std::vector<Part> const& parts, Target const& target,
                                                   bool side_by_side) {
  std::vector<llvm::SmallVector<char, 0>> objects(parts.size());
  std::vector<std::exception_ptr> failures(parts.size());
  auto make = [&](size_t i) {
    try {
      objects[i] = object_of(parts[i], target);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < parts.size(); ++i)
    if (side_by_side) threads.emplace_back(make, i);
    else make(i);
  if (!parts.empty()) make(0);
  for (auto& t : threads) t.join();
  for (auto const& f : failures)
    if (f) std::rethrow_exception(f);
  return objects;
}

} // namespace

Object compile(Module const& m, CompileOptions const& options) {
  initialize_llvm();
  Target target = m.target ? *m.target : host_target();
  auto all = lower_all(m, target);
  Object object;
  for (auto const& f : m.functions) object.entries.push_back(f.name);
  auto parts = split(all, parts_of_object);
  object.bytes = merge_objects(objects_of(parts, target, options.threads > 1));
  return object;
}

std::string emit(Module const& m, Emit what) {
  initialize_llvm();
  Target target = m.target ? *m.target : host_target();
  auto all = lower_all(m, target);
  std::string text;
  if (what == Emit::loops) {
    for (auto const& f : all)
      for (auto const& k : f->kernels) text += print(k) + "\n";
    return text;
  }
  auto parts = split(all, 1);
  if (parts.empty()) return text;
  auto machine = machine_for(target);
  llvm::LLVMContext context;
  auto module = make_module(context, parts.front(), *machine, target);
  if (what == Emit::assembly) {
    auto bytes = generate(*module, *machine, llvm::CodeGenFileType::AssemblyFile);
    return {bytes.data(), bytes.size()};
  }
  llvm::raw_string_ostream out(text);
  module->print(out, nullptr);
  return text;
}

} // namespace nnc
