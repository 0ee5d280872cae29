// What stands behind a Program of the public API: the finished module, how its inputs are supplied, and the machine
// code of its functions, made when it is first needed.
#pragma once

#include "codegen/codegen.h"
#include "frontend/frontend.h"
#include "passes/pass.h"
#include "runtime/limits.h"
#include "runtime/nnc.h"

#include <map>
#include <mutex>

namespace nnc {
inline namespace v1 {

class Program::Compiled {
public:
  Compiled(std::shared_ptr<Sources> sources, u32 file, Options options);
  ~Compiled();

  Module const& module() const { return finished_; }
  Sources const& sources() const { return *sources_; }
  std::string const& summary() const { return summary_; }
  Location at() const { return at_; } // of the model that was chosen
  std::vector<Problem> const& warnings() const { return warnings_; }
  // In the order in which columns bind: inputs, then targets.
  std::vector<BoundInput> const& inputs() const { return inputs_; }
  std::vector<IndexLimit> const& limits() const { return limits_; }
  // What a checkpoint keeps of the program, see runtime/identity.h.
  std::map<std::string, std::string> const& facts() const;
  Options const& options() const { return options_; }

  // A function of the finished module, or an Error that says what the program lacks.
  Function const& function(std::string_view name) const;
  // The machine code of a function. The functions that are named together are compiled together, on two threads.
  nnc_entry entry(std::string_view function) const;
  void prepare(std::vector<std::string> const& functions) const;

  std::string emit(std::string const& kind) const;

private:
  Module elaborate_program(u32 file);
  Module elaborate_text(u32 file);
  Module read_module(u32 file);
  bool is_module(u32 file) const { return sources_->name(file).ends_with(".ir"); }
  Module finish(Module);
  Module finish_module(Module);
  Module with_own_places() const;
  void blame_own_places() const;
  PassOptions chosen_passes() const;
  void accept(std::vector<Diagnostic>); // throws for errors, keeps warnings
  bool chose_passes() const { return options_.passes || !options_.without.empty(); }
  void compile_missing(std::vector<std::string> const& functions) const;

  std::shared_ptr<Sources> sources_;
  u32 file_;
  Options options_;
  Target target_;
  Module finished_;
  std::string summary_;
  Location at_;
  std::vector<Problem> warnings_;
  std::vector<BoundInput> inputs_;
  std::vector<IndexLimit> limits_;
  std::vector<std::string> optimizers_;
  Module elaborated_; // what facts are asked of
  mutable std::once_flag facts_asked_;
  mutable std::map<std::string, std::string> facts_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, nnc_entry, std::less<>> entries_;
  mutable std::vector<std::unique_ptr<Loaded>> loaded_;
};

} // namespace v1

// The description of a tensor for the public API.
TensorInfo info_of(std::string const& name, Type const& type);

} // namespace nnc
