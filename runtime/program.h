// What stands behind a Program of the public API: its variants, which are finished modules with their machine code, and
// how its inputs are supplied.
#pragma once

#include "frontend/frontend.h"
#include "nnc/nnc.hpp"
#include "passes/pass.h"
#include "runtime/limits.h"
#include "runtime/variant.h"

#include <map>
#include <mutex>

namespace nnc {
class CompiledProgram {
public:
  CompiledProgram(std::shared_ptr<Sources> sources, u32 file, Options options);

  // The finished module. A program that is made for each size of batch has this one for that of its training.
  Module const& module() const { return main_->module(); }
  bool is_for_one_batch() const { return module().bindings[static_cast<size_t>(Symbol::batch)].has_value(); }
  // What runs batches of this size; it is the same for all, or made now. Throws Failure for what is wrong with this
  // size.
  Variant const& variant(i64 batch, std::atomic<bool> const* cancelled = nullptr) const;
  Variant const& main() const { return *main_; }
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

  void expect_training() const; // throws Error without a train block
  // A function of the finished module, or an Error that says what the program lacks; and of that for one size of batch.
  Function const& function(std::string_view name) const;
  Function const& function(std::string_view name, i64 batch, std::atomic<bool> const* cancelled) const;
  // The training steps of the phases; and the one that is due behind so many steps.
  std::vector<std::string> train_steps() const;
  Function const& train_step(i64 made) const;
  // Behind so many steps, how many more belong to the same phase; nothing: all.
  std::optional<i64> left_of_phase(i64 made) const;
  bool reads_steps() const; // does a schedule need to know how many steps are planned?
  std::vector<Constant> const& constants() const { return constants_; }
  std::vector<CalledFunction> const& calls() const { return calls_; }
  f64 flops() const { return flops_; }                     // of the model's body, forward
  Module const& elaborated() const { return elaborated_; } // before the first pass; of a text, what was read

private:
  Module elaborate_program(u32 file);
  Module elaborate_text(u32 file);
  Module read_module(u32 file);
  void list_constants(Elaborated const&);
  std::unique_ptr<Variant> variant_of(Module finished, std::string name) const;
  std::unique_ptr<Variant> make_variant(i64 batch, std::atomic<bool> const* cancelled) const;
  void expect_same_program(Elaborated const&, i64 batch) const;
  Settings settings() const;
  std::optional<std::string> read_import_once(std::string const& path) const;
  Module run(PassOptions const&, Module, PassContext&) const;
  bool is_module(u32 file) const { return sources_->name(file).ends_with(".ir"); }
  Module finish(Module);
  Module finish_module(Module);
  Module with_own_places() const;
  void blame_own_places() const;
  PassOptions chosen_passes() const;
  void accept(std::vector<Diagnostic>, Code = Code::type); // throws for errors, keeps warnings
  bool chose_passes() const { return options_.passes || !options_.without.empty(); }

  std::shared_ptr<Sources> sources_;
  u32 file_;
  Options options_;
  Target target_;
  std::string summary_;
  Location at_;
  std::vector<Problem> warnings_;
  std::vector<BoundInput> inputs_;
  std::vector<IndexLimit> limits_;
  std::vector<std::string> optimizers_;
  std::vector<Constant> constants_;
  std::vector<CalledFunction> calls_;
  f64 flops_ = 0;
  Module elaborated_; // what facts are asked of
  mutable std::once_flag facts_asked_;
  mutable std::map<std::string, std::string> facts_;
  mutable std::map<std::string, std::optional<std::string>> imports_; // their texts, by path, as they were at first
  std::unique_ptr<Variant> main_;
  mutable std::mutex mutex_;
  mutable std::map<i64, std::unique_ptr<Variant>> variants_; // for other sizes of batch than that of the main one
};

// From the classes of the public API to what stands behind them, and back.
struct Inside {
  static std::shared_ptr<CompiledProgram const> const& of(Program const& program) { return program.compiled_; }
  static DataContents const& of(Data const& data) { return *data.contents_; }
  static std::shared_ptr<DataContents const> shared(Data const& data) { return data.contents_; }
  static Program program(std::shared_ptr<CompiledProgram const> compiled) {
    Program program;
    program.compiled_ = std::move(compiled);
    return program;
  }
  static Session session(std::shared_ptr<SessionState> state) {
    Session session;
    session.state_ = std::move(state);
    return session;
  }
  static Bound bound(std::shared_ptr<BoundCall> call) {
    Bound bound;
    bound.call_ = std::move(call);
    return bound;
  }
  static Data data(std::shared_ptr<DataContents const> contents) {
    Data data;
    data.contents_ = std::move(contents);
    return data;
  }
};

// The description of a tensor for the public API.
TensorInfo info_of(std::string const& name, Type const& type);

} // namespace nnc
