// A finished module and the machine code of its functions, made when it is first needed. A program has one for all
// sizes of batch; where an operation needs the number, one for each size that is met.
#pragma once

#include "codegen/codegen.h"
#include "ir/module.h"
#include "nnc/nnc.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string_view>

namespace nnc {

class Variant {
public:
  // What a program says to the making of code.
  struct Making {
    std::string name;            // behind the functions in `on_time`: "", " for a batch of 17"
    bool chosen = false;         // the passes that ran, or the text: the module may be no finished one
    std::function<void()> blame; // throws Error with better places than codegen has, if there are any
    decltype(Options::on_time) on_time;
  };
  Variant(Module finished, Making how) : module_(std::move(finished)), how_(std::move(how)) {}
  ~Variant();
  Variant(Variant const&) = delete;
  Variant& operator=(Variant const&) = delete;

  Module const& module() const { return module_; }
  // The machine code of a function. The functions that are named together are compiled together, on two threads.
  // Throws Error (cancelled) soon after another thread has set the flag.
  nnc_entry entry(std::string_view function, std::atomic<bool> const* cancelled = nullptr) const;
  void prepare(std::vector<std::string> const& functions, std::atomic<bool> const* cancelled = nullptr) const;
  std::string emit(std::string const& kind) const;
  std::string object(CompileOptions const&) const; // of one part

private:
  std::string made(std::function<std::string()> const& make) const;
  void compile_missing(std::vector<std::string> const& functions, std::atomic<bool> const* cancelled) const;
  void load_code(Module const& part, std::atomic<bool> const* cancelled) const;

  Module module_;
  Making how_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, nnc_entry, std::less<>> entries_;
  mutable std::vector<std::unique_ptr<Loaded>> loaded_;
};

// Machine code is made of what the whole pipeline gives; a choice of passes, or a text, may give something else: then
// what is wrong is an Error.
void check_finished(Module const&, bool chosen);

} // namespace nnc
