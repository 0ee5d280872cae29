// The elaborator: runs the compile-time part of a program and leaves the run-time part as graphs. What evaluates is one
// class, of which each source holds one subject:
//
//   errors      how a mistake becomes a diagnostic with its chain of calls
//   names       lookup                             unknown     names that nobody declares
//   texts_not_run  unknown names in texts that nothing runs
//   expression  every kind of expression           operators   arithmetic, comparison, logic
//   tensor      numbers to tensors, broadcasting   index       x[...]
//   scan        loops and branches at run time
//   call        arguments, frames, paths           pattern     types as patterns
//   statement   blocks and statements
//   builtins_*  the operations that the library stands on
//
// Around it are parts with a header and a state of their own:
//
//   model           input, target, output, loss, metric; the three functions of a model
//   train           the settings of a train block, minimize, clipping; update: @update.PATH of every parameter
//   parameter       param, state, <-; the initial values
//   gradient        a function's own derivative
//   setting_values  values of --set
//   range           `require` of numbers that only tune
//   argument_help   what would fit where an argument does not
//   warnings        what a program means, but hardly what its author wants; declares: tags that name nothing
#pragma once

#include "frontend/elaborate/graph.h"
#include "frontend/elaborate/scope.h"
#include "frontend/elaborate/value.h"

#include <array>

namespace nnc::front {

// Names with a value that no file declares; dtypes are among them as well.
inline constexpr std::array predeclared_words{"training", "step", "steps", "epoch", "pi", "inf", "nan"};

struct Failure { // thrown to the statement that catches it
  Diagnostic diagnostic;
  bool silent = false; // the cause has been reported
};

struct Actual { // an evaluated argument of a call
  std::string name;
  Any value;
  Location at;
};

// The parameters of a call while they are being given values.
struct Slots {
  Slots(syntax::FunctionDecl const& f, Location at)
      : function(f), call_at(at), values(f.parameters.size()), places(f.parameters.size(), at) {}
  void set(size_t i, Any value, Location at) { values[i] = std::move(value), places[i] = at; }
  syntax::FunctionDecl const& function;
  Location call_at;
  std::vector<std::optional<Any>> values;
  std::vector<Location> places;
  List rest;
  std::string number;         // what does not fit, if it is one
  std::vector<Note> declared; // "declared here"
};

class Elaborator;
class ModelBuilder;
class OwnDerivatives;
class Parameters;
class TrainBuilder;
class SettingValues;
class Ranges;
class Warnings;

std::optional<std::string> did_you_mean(std::string_view word, std::vector<std::string> const& candidates);
std::optional<std::string> help_for_int(f64);
std::string shown_call(FunctionValue const&); // with the arguments that it needs: "reshape(x, shape)"
std::string help_for_argument(std::string const& name, std::vector<std::string> const& parameters);

// The arguments of a builtin's call, in the order of its declaration.
struct BuiltinCall {
  Elaborator& e;
  Location at;
  std::string const& name;
  OpCode op; // of a function that the operator table declares
  std::vector<Any> values;
  std::vector<Location> places;
  Any const& operator[](size_t i) const { return values[i]; }
};

class Elaborator {
public:
  Elaborator(Program&, FileScope& main, Settings const&, Elaborated& out);
  ~Elaborator();
  void run();
  static bool is_predeclared(std::string const& name);
  std::vector<std::string> constants() const { return {constants_.begin(), constants_.end()}; }

  // errors
  [[noreturn]] void fail(Location, std::string message, std::optional<std::string> help = {},
                         std::vector<Note> notes = {});
  void report(Failure const&);
  void warn(Location, std::string message, std::optional<std::string> help = {}); // once for each place
  bool is_in_library() const { return frame_ && frame_->file && frame_->file->is_std; }
  enum class Needed : u8 { function, number, dtype, truth };
  std::optional<std::string> unquoted(Any const&, Needed); // help, where a string stands for what it names
  Location user_place(Location) const;                     // the nearest place in the user's own text
  static std::string in_words(Error const&);               // of the operator table, with types as the user writes them

  // Lists and strings that are made and walked through while compiling: what takes too long is a mistake.
  void spend(size_t work, Location);
  static constexpr size_t price_of_item = 10; // of a list that is made

  // numbers to tensors, and back
  Graph& graph() { return *graph_; }
  Builder& builder(Location);
  Type const& type_of(Any const&);
  ValueId value_here(Any const& tensor, Location); // of this graph, or of the one around it
  ValueId as_tensor(Any const&, DType, Location);  // takes numbers and tensors of exactly this dtype
  ValueId as_tensor(Any const&, Location);         // a number alone becomes f32 or i32
  Any tensor(ValueId);
  [[noreturn]] void refuse_value_of_step(Any const&, Location);
  Any number_of(Dim const&, Location); // a symbolic extent as a run-time number
  ValueId stretch(ValueId, Shape const&, Location);
  Any own_value(Any const&, size_t nodes_before, Location);
  size_t nodes_so_far() const { return graph_ ? graph_->function.body.nodes.size() : 0; }
  void warn_of_batch_twice(Shape const&, std::vector<ValueId> const&, Location, std::string const& what);
  Shape common_shape(std::vector<ValueId> const&, Location, std::string const& what);
  Dim as_int(Any const&, Location, std::string const& what);
  i64 as_constant(Any const&, Location, std::string const& what);
  f64 as_float(Any const&, Location, std::string const& what);
  bool as_bool(Any const&, Location, std::string const& what);
  std::string as_string(Any const&, Location, std::string const& what);
  List as_list(Any const&, Location, std::string const& what);
  Shape as_shape(Any const&, Location, std::string const& what);
  std::vector<i64> as_axes(Any const&, int rank, Location); // none: all axes
  i64 as_axis(Any const&, int rank, Location);
  bool is_number(Any const&) const;                           // compile-time or one that only tunes
  std::optional<f64> force(Any const&);                       // the constant behind a number that only tunes
  void make_constant(Graph const&, std::set<ValueId> needed); // the settings that these were computed from

  // operators
  Any binary(std::string const& op, Any const&, Any const&, Location);
  Any negate(Any const&, Location);
  Any logical_not(Any const&, Location);
  Any product(Any const&, Any const&, Location);
  Any index(Any const&, std::vector<syntax::Index> const&, Location);
  // An operator of the table: of what is known computed now, of numbers that only tune once per step, else by element.
  Any of_table(OpCode, std::vector<Any> operands, Location);
  Any elementwise(OpCode, std::vector<Any> const&, Location);
  Any convert(Any const&, DType, Location);
  Any gradient(Any const& y, Any const& x, Location);
  Any tunable(OpCode, std::vector<Any> const&, std::optional<f64> known, Location);

  char const* region() const { return region_; } // "scan", "cond": what is being built stands in one
  ValueId round_number(Location);

  // calls
  Any call(Any const& callee, std::vector<Actual>, Location, std::string const& tag = {}, std::string const& as = {});
  Any random_bits(Shape const&, Location);
  bool training() const;

private:
  friend struct FrameGuard;
  friend struct GraphGuard;
  friend struct NameCheck;
  friend class ModelBuilder;
  friend class OwnDerivatives;
  friend class Parameters;
  friend class TrainBuilder;
  friend class SettingValues;
  friend class Ranges;
  friend class ArgumentHelp;
  friend class Warnings;
  friend class RegionGuard;
  friend class ScanBuilder;

  void run_program();
  void report(Diagnostic);
  bool is_reported(Location) const;
  bool is_of_user(Location) const;
  std::string source_of(Location) const;
  Diagnostic with_chain(Diagnostic) const;
  std::optional<Location> argument_at_fault(Frame const&, Location) const;
  std::optional<std::string> swapped_arguments(Frame const&, Location fault) const;

  // names
  Any const* local(std::string const& name) const;
  std::optional<Any> find(std::string const& name, bool callable, Location);
  std::optional<Any> find_in_file(FileScope&, std::string const& name, Location);
  std::optional<Any> predeclared(std::string const& name, Location);
  Any lookup(std::string const& name, Location);
  Any lookup_callable(std::string const& name, Location);
  Any const_value(FileScope&, syntax::Const const&, Location);
  [[noreturn]] void unknown(std::string const& name, Location, bool callable);
  [[noreturn]] void unknown_member(Any const&, syntax::MemberExpr const&, Location);
  [[noreturn]] void unknown_member(FileScope::Imported const&, syntax::Name const& member);
  void refuse_package(syntax::MemberExpr const&, Location);
  std::optional<std::string> help_for_value(Any const&, Location);
  std::optional<std::string> losses_in_sight() const;
  std::vector<std::string> visible_names(bool callable) const;
  std::optional<std::string> suggested(std::string const& name, bool callable) const;
  void check_names();
  bool is_declared(FileScope const&, std::string const& name) const;
  bool reports(std::function<void()> const& look);       // what it throws
  std::vector<FileScope*> in_sight_of(FileScope&) const; // it, its imports without an alias, the library
  syntax::FunctionDecl const* find_optimizer(std::string const& name, FileScope*& file) const;
  Any scalar(std::string const& name, f64 value);

  // expressions
  Any eval(syntax::Expr const&);
  Any eval_expr(syntax::Expr const&);
  Any eval_call(syntax::CallExpr const&, Location);
  Any layer_or_function(syntax::CallExpr const&);
  std::string without_input(syntax::CallExpr const& layer, size_t needed) const;
  Any eval_binary(syntax::BinaryExpr const&, Location);
  Any eval_list(syntax::ListExpr const&);
  Any eval_choice(syntax::ChoiceExpr const&);
  Any eval_scan(syntax::ScanExpr const&, Location);
  Any eval_member(syntax::MemberExpr const&, Location);
  Any eval_values(std::vector<syntax::ExprPtr> const&);
  Any closure(syntax::FunctionDecl const&);
  std::string text(syntax::String const&);
  std::string part_text(syntax::StringPart const&, std::optional<Any> const& value);
  std::vector<Actual> actuals(syntax::Arguments const&);
  bool condition(syntax::Expr const&, char const* what);
  bool truth(Any const&, Location, char const* what);
  bool is_spent() const;

  // arithmetic
  Any arithmetic(std::string const& op, Any const&, Any const&, Location);
  Any compile_time(std::string const& op, Any const&, Any const&, Location);
  Any integers(std::string const& op, Dim const&, Dim const&, Location);
  Any compare(std::string const& op, Any const&, Any const&, Location);
  Any logic(std::string const& op, Any const&, Any const&, Location);
  void refuse_no_number(Any const&, Location);
  Any power(Any const&, Any const&, Location);
  DType common_dtype(std::vector<Any> const&, Location, std::string const& what);
  ValueId batch_value(Dim const&, Location);
  Any index_list(List const&, std::vector<syntax::Index> const&, Location);

  // calls
  Any call_function(FunctionValue const&, std::vector<Actual>, Location, std::string const& tag, std::string const& as);
  Any call_builtin(FunctionValue const&, std::vector<Actual>, Location);
  void place_positional(Slots&, std::vector<Actual>&, std::string const& shown_name);
  void place_named(Slots&, std::vector<Actual>&, std::string const& shown_name);
  [[noreturn]] void blame_caller(Location, std::string message, std::optional<std::string> help = {},
                                 std::vector<Note> notes = {});
  void bind_arguments(syntax::FunctionDecl const&, std::vector<Actual>, Location, std::string const& shown_name);
  [[noreturn]] void refuse_missing(Slots const&, std::vector<std::string> const& missing,
                                   std::string const& shown_name);
  void bind_argument(syntax::Parameter const&, Any, Location, std::string const& shown_name);
  void bind_parameter(syntax::Parameter const&, Any);
  Any run_body(syntax::FunctionDecl const&);

  // patterns
  struct Mismatch {
    std::string why;
  };
  std::optional<Mismatch> match(syntax::TypePattern const&, Any&, Location);
  bool match_dim(syntax::DimPattern const&, Dim const&);
  bool match_dtype(std::string const&, DType);
  DType dtype_named_in(syntax::Name const&);
  Type resolve(syntax::TypePattern const&, std::string const& what);
  std::string shown_pattern(syntax::TypePattern const&);
  std::optional<Any> bound_dim(std::string const& name, Location);

  // statements
  void block(syntax::Block const&, bool is_body);
  void statement(syntax::Stmt const&, bool is_last);
  void guarded(syntax::Stmt const&, bool is_last);
  void poison(syntax::Stmt const&);
  void mark_untaken(syntax::Block const&);
  void bind(std::string const& name, Any, Location);
  void name_value(std::string const& name, Any const&);
  void run_assign(syntax::AssignStmt const&, Location);
  void run_if(syntax::IfStmt const&);
  void run_for(syntax::ForStmt const&);
  void unpack(std::vector<syntax::Name> const&, Any const&, Location);
  void run_require(syntax::RequireStmt const&, Location);
  void run_emit(syntax::EmitStmt const&, Location);
  void refuse_rebinding(std::string const& name, Location);

  void refuse_results_with_batch_behind(Function const&);
  void complete(std::vector<Graph*> const&);

  Program& program_;
  FileScope& main_;
  Settings const& settings_;
  Elaborated& out_;
  syntax::Model const* model_ = nullptr;
  syntax::Train const* train_ = nullptr;

  std::shared_ptr<NodeLimit> limit_; // of all graphs together
  Graph* graph_ = nullptr;
  Frame* frame_ = nullptr;
  char const* region_ = nullptr;
  int depth_ = 0, calls_ = 0;
  i64 statements_ = 0, work_ = 0;

  std::map<std::string, ScalarSetting> scalars_; // numbers that only tune, by name
  std::set<std::string> constants_;              // those that reached a place that needs a constant
  std::map<std::string, std::string> set_values_;
  std::set<std::pair<std::string, std::string>> reported_;

  std::unique_ptr<SettingValues> setting_values_;
  std::unique_ptr<ModelBuilder> model_builder_;
  std::unique_ptr<TrainBuilder> train_builder_;
  std::unique_ptr<Ranges> ranges_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<OwnDerivatives> own_derivatives_;
  std::unique_ptr<Warnings> warnings_;
};

struct FrameGuard { // enters a frame, leaves it whatever happens
  FrameGuard(Elaborator& e, Frame& f) : elaborator(e), before(e.frame_) { e.frame_ = &f; }
  ~FrameGuard() { elaborator.frame_ = before; }
  Elaborator& elaborator;
  Frame* before;
};

struct GraphGuard {
  GraphGuard(Elaborator& e, Graph* g) : elaborator(e), before(e.graph_) { e.graph_ = g; }
  ~GraphGuard() { elaborator.graph_ = before; }
  Elaborator& elaborator;
  Graph* before;
};

} // namespace nnc::front
