// The border of codegen/: modules to objects and texts. Kernels are made side by side in a given number of parts, so
// that the object is the same however many threads make it.
#include "codegen/codegen.h"
#include "codegen/llvm/entry.h"
#include "codegen/llvm/file_symbols.h"
#include "codegen/llvm/machine.h"
#include "codegen/llvm/processor.h"
#include "codegen/lower/heading.h"
#include "codegen/lower/lower.h"
#include "ir/thread.h"
#include "ir/walk.h"

#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <exception>
#include <numeric>

namespace nnc {
namespace {

void expect_not_cancelled(CompileOptions const& options) {
  if (options.cancelled && options.cancelled->load(std::memory_order_relaxed))
    throw Error(Code::cancelled, "cancelled while code was made");
}

// The functions of a module with their calls of kernels, and the kernels: each code once, under the name of its first
// use.
struct Lowered {
  std::vector<std::unique_ptr<Storage>> functions;
  std::vector<std::vector<KernelCall>> calls; // by function
  std::vector<std::unique_ptr<Loops>> kernels;
};

Loops lower_kernel(Storage const& storage, Node const& n, Target const& target, size_t number) {
  std::string name = storage.function.name + "." + std::to_string(number);
  auto loops = lower(storage, n, target, name);
  if (auto wrong = verify(loops); !wrong.empty())
    throw CompilerBug("the loops of " + name + " are wrong: " + wrong.front());
  return loops;
}

// The name of these loops among the kernels so far, to which they are added if they are new.
std::string name_of(Lowered& all, Loops loops) {
  if (loops.body.empty()) return "";
  for (auto const& k : all.kernels)
    if (same_code(*k, loops)) return k->name;
  all.kernels.push_back(std::make_unique<Loops>(std::move(loops)));
  return all.kernels.back()->name;
}

// What `emit` shows.
struct Shown {
  std::string loops; // as they were before they took their parameters
  Headings headings;
};

// A kernel whose code is that of another one says whose.
void show(Shown& shown, std::string const& own_loops, std::string const& name, std::string const& code,
          std::vector<std::string> const& heading) {
  auto& known = shown.headings[code];
  if (code != name) known.push_back("and as " + name + ":");
  known.insert(known.end(), heading.begin(), heading.end());
  shown.loops += code == name ? "kernel " + name + "\n" : "kernel " + name + " is " + code + "\n";
  for (auto const& line : heading) shown.loops += "  # " + line + "\n";
  if (code == name) shown.loops += own_loops.substr(own_loops.find('\n') + 1);
  shown.loops += "\n";
}

Lowered lower_all(Module const& m, Target const& target, CompileOptions const& options, Shown* shown = nullptr) {
  Lowered all;
  for (auto const& f : m.functions) {
    if (f.name == "require") continue; // no code: it is evaluated when a number is set
    check_compiled(f);
    auto const& storage = *all.functions.emplace_back(std::make_unique<Storage>(f));
    auto& calls = all.calls.emplace_back();
    each_node(f.body.nodes, [&](Node const& n) { // in the order of the entry
      if (!is_kernel(n)) return;
      expect_not_cancelled(options);
      auto loops = lower_kernel(storage, n, target, calls.size());
      std::string name = loops.name, own_text = shown ? print(loops) : "";
      auto parameters = take_parameters(loops);
      calls.push_back({name_of(all, std::move(loops)), std::move(parameters)});
      auto const& code = calls.back().function;
      if (shown && !code.empty()) show(*shown, own_text, name, code, heading(storage, n, *m.sources));
    });
  }
  return all;
}

// What one part holds: entries, by number of their function, and kernels.
struct Part {
  std::vector<size_t> entries;
  std::vector<Loops const*> kernels;
  size_t size = 0;
};

// The largest kernel goes to the part that is smallest so far.
std::vector<Part> split(Lowered const& all, size_t count) {
  std::vector<Part> parts(count);
  for (size_t f = 0; f < all.functions.size(); ++f) {
    parts[0].entries.push_back(f);
    parts[0].size += 40 + 3 * all.calls[f].size(); // in instructions of kernels that take as long
  }
  std::vector<Loops const*> kernels;
  for (auto const& k : all.kernels) kernels.push_back(k.get());
  std::stable_sort(kernels.begin(), kernels.end(), [](auto* a, auto* b) { return a->insts.size() > b->insts.size(); });
  for (auto const* k : kernels) {
    auto& part = *std::min_element(parts.begin(), parts.end(), [](auto& a, auto& b) { return a.size < b.size; });
    part.kernels.push_back(k);
    part.size += k->insts.size();
  }
  std::erase_if(parts, [](Part const& p) { return p.entries.empty() && p.kernels.empty(); });
  if (parts.empty()) parts.emplace_back(); // an object all the same
  return parts;
}

std::unique_ptr<llvm::Module> make_module(llvm::LLVMContext& context, Lowered const& all, Part const& part,
                                          llvm::TargetMachine& machine, Target const& t,
                                          CompileOptions const& options = {}) {
  auto module = std::make_unique<llvm::Module>("nnc", context);
  module->setTargetTriple(t.triple);
  module->setDataLayout(machine.createDataLayout());
  module->setPICLevel(llvm::PICLevel::BigPIC);
  auto const& processor = processor_for(t.triple);
  EmitModule m{*module, processor.facts_of(*machine.getMCSubtargetInfo()), processor, options.prefix,
               options.file.has_value()};
  for (auto f : part.entries) emit_entry(m, *all.functions[f], all.calls[f]);
  for (auto const* k : part.kernels) {
    expect_not_cancelled(options);
    emit_kernel(m, *k);
  }
  if (options.file) emit_file_symbols(m, *options.file, t, *machine.getMCSubtargetInfo());
  for (auto& f : *module) // declarations of kernels of other parts: reached directly, not through a table
    if (f.isDeclaration() && !f.isIntrinsic()) f.setVisibility(llvm::GlobalValue::HiddenVisibility);
  return module;
}

// Nobody outside of the only part calls a kernel.
void keep_to_itself(llvm::Module& module) {
  for (auto& f : module)
    if (!f.isDeclaration() && f.hasHiddenVisibility()) {
      f.setVisibility(llvm::GlobalValue::DefaultVisibility);
      f.setLinkage(llvm::GlobalValue::InternalLinkage);
    }
}

std::vector<u8> object_of(Lowered const& all, Part const& part, Target const& target, CompileOptions const& options,
                          bool alone) {
  expect_not_cancelled(options);
  auto machine = machine_for(target);
  llvm::LLVMContext context;
  context.setDiscardValueNames(true);
  auto module = make_module(context, all, part, *machine, target, options);
  if (alone) keep_to_itself(*module);
#ifndef NDEBUG
  std::string message;
  llvm::raw_string_ostream out(message);
  if (llvm::verifyModule(*module, &out)) throw CompilerBug("LLVM refuses the code: " + message);
#endif
  auto const bytes = generate(*module, *machine, llvm::CodeGenFileType::ObjectFile, options.cancelled);
  expect_not_cancelled(options);
  return {bytes.begin(), bytes.end()};
}

// One thread per part, if so many are allowed and the system has them; the first that fails is the one that is
// reported.
std::vector<std::vector<u8>> objects_of(Lowered const& all, std::vector<Part> const& parts, Target const& target,
                                        CompileOptions const& options) {
  std::vector<std::vector<u8>> objects(parts.size());
  std::vector<std::exception_ptr> failures(parts.size());
  auto make = [&](size_t i) {
    try {
      objects[i] = object_of(all, parts[i], target, options, parts.size() == 1);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  std::vector<Thread> threads;
  auto start = [&](size_t i) {
    try {
      threads.emplace_back([&make, i] { make(i); });
    } catch (NoThread const&) {
      make(i);
    }
  };
  for (size_t i = 1; i < parts.size(); ++i)
    if (options.threads > 1) start(i);
    else make(i);
  make(0);
  for (auto& t : threads) t.join();
  for (auto const& f : failures)
    if (f) std::rethrow_exception(f);
  return objects;
}

} // namespace

Object compile(Module const& m, CompileOptions const& options) {
  initialize_llvm();
  Target target = m.target ? *m.target : host_target();
  auto all = lower_all(m, target, options);
  Object object;
  for (auto const& f : all.functions) object.entries.push_back(f->function.name);
  auto const parts = split(all, options.parts);
  object.parts = objects_of(all, parts, target, options);
  return object;
}

std::string emit(Module const& m, Emit what) {
  initialize_llvm();
  Target target = m.target ? *m.target : host_target();
  Shown shown;
  auto all = lower_all(m, target, {}, &shown);
  if (what == Emit::loops) return shown.loops;
  auto parts = split(all, 1);
  auto machine = machine_for(target);
  llvm::LLVMContext context;
  auto module = make_module(context, all, parts.front(), *machine, target, {});
  if (what == Emit::assembly) {
    auto bytes = generate(*module, *machine, llvm::CodeGenFileType::AssemblyFile);
    bool const is_arm = target.triple.starts_with("aarch64") || target.triple.starts_with("arm64");
    return with_headings({bytes.data(), bytes.size()}, shown.headings, is_arm ? "//" : "#");
  }
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out, nullptr);
  return with_headings(text, shown.headings, ";");
}

} // namespace nnc
