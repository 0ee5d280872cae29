// The tree that the parser makes of a text: what was written, nothing decided. Every node keeps its place.
#pragma once

#include "ir/diagnostic.h"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace nnc::syntax {

struct Expr;
struct Stmt;
struct FunctionDecl;
using ExprPtr = std::unique_ptr<Expr>;

struct Name {
  std::string text;
  Location at;
};

struct Block {
  Location at;  // of the opening brace
  Location end; // of the closing brace
  std::vector<std::unique_ptr<Stmt>> statements;
};

// One extent of a type as written: an expression, `_`, `..` or `..name`.
struct DimPattern {
  enum class Kind : u8 { expression, any, rest };
  Kind kind = Kind::any;
  Location at;
  ExprPtr expression;
  std::string name; // of `..name`; may be empty
};

struct TypePattern {
  Name dtype; // a dtype, "float", "int" or "_"
  Location at;
  std::vector<DimPattern> dims;
};

struct StringPart { // text, or an expression between braces
  std::string text;
  ExprPtr expression;
};
struct String {
  std::vector<StringPart> parts;
};

struct Tag {
  Location at;
  String text;
};

struct Argument {
  std::string name; // empty: by position
  Location at;      // of the whole argument
  bool spread = false;
  ExprPtr value;
};
using Arguments = std::vector<Argument>;

struct Index { // between square brackets
  enum class Kind : u8 { single, range, rest };
  Kind kind = Kind::single;
  Location at;
  ExprPtr first, last, stride; // `first` is the expression of a single one; of a range each may be missing
};

struct Item {
  bool spread = false;
  ExprPtr value;
};

// expressions

struct NameExpr {
  std::string name;
};
struct NumberExpr {
  bool is_integer = false;
  i64 integer = 0;
  f64 value = 0;
};
struct StringExpr {
  String string;
};
struct ConstantExpr {
  enum class Kind : u8 { yes, no, none };
  Kind kind;
};
struct ListExpr {
  std::vector<Item> items;
};
struct UnaryExpr {
  std::string op; // "-", "not"
  ExprPtr operand;
};
struct BinaryExpr {
  std::string op;
  Location op_at;
  ExprPtr left, right;
};
struct CallExpr {
  ExprPtr callee;
  Arguments arguments; // `x |> f(a)` has x as its first argument
  std::optional<Tag> tag;
};
struct IndexExpr {
  ExprPtr base;
  std::vector<Index> indices;
};
struct MemberExpr {
  ExprPtr base;
  Name member;
};
struct FunctionExpr {
  std::unique_ptr<FunctionDecl> function;
};
struct ChoiceExpr {
  ExprPtr condition, yes, no;
};
struct ScanExpr {
  std::vector<Name> targets;
  std::vector<ExprPtr> over;
  ExprPtr axis; // may be missing
  bool reverse = false;
  bool recompute = false; // its derivative keeps the carries of each round alone
  std::vector<Name> carried;
  Block body;
};

struct Expr {
  Location at;
  int depth = 1; // height of the tree below, bounded by the parser so that nobody overflows a stack
  std::variant<NameExpr, NumberExpr, StringExpr, ConstantExpr, ListExpr, UnaryExpr, BinaryExpr, CallExpr, IndexExpr,
               MemberExpr, FunctionExpr, ChoiceExpr, ScanExpr>
      as;
};

// functions

struct Parameter {
  Name name;
  bool rest = false; // `..name` collects
  std::optional<TypePattern> type;
  ExprPtr initial; // default value; may be missing
};

struct FunctionDecl {
  Name name; // empty text for `fn(h) { ... }`
  Location at;
  std::string doc;
  std::vector<Parameter> parameters;
  std::optional<TypePattern> result;
  Block body;
  std::vector<Name> gradient_parameters;
  std::optional<Block> gradient;
};

// statements

struct AssignStmt {
  std::vector<Name> targets;
  std::optional<TypePattern> type;
  std::vector<ExprPtr> values;
};
struct WriteStmt { // name <- value
  Name target;
  ExprPtr value;
};
struct ExprStmt {
  std::vector<ExprPtr> values;
};
struct FunctionStmt {
  std::unique_ptr<FunctionDecl> function;
};
struct ParamStmt { // param, state
  bool is_state = false;
  Name name;
  std::optional<TypePattern> type;
  ExprPtr initial;
  bool per_epoch = false;
};
struct InputStmt { // input, target
  bool is_target = false;
  Name name;
  TypePattern type;
};
struct OutputStmt {
  Name name;
  ExprPtr value; // may be missing
};
struct MeasureStmt { // loss, metric
  bool is_metric = false;
  std::optional<Name> name;
  std::optional<String> title; // in place of a name: "precision_{c}"
  ExprPtr rows;                // of a metric of several numbers, what its rows are called; may be missing
  ExprPtr value;
};
struct IfStmt {
  ExprPtr condition;
  Block yes;
  std::optional<Block> no; // `else if` is a block of one IfStmt
};
struct ForStmt {
  std::vector<Name> targets;
  ExprPtr over;
  Block body;
};
struct ReturnStmt {
  std::vector<ExprPtr> values;
};
struct EmitStmt {
  std::vector<ExprPtr> values;
};
struct RequireStmt {
  ExprPtr condition, text;
};

struct Stmt {
  Location at;
  std::variant<AssignStmt, WriteStmt, ExprStmt, FunctionStmt, ParamStmt, InputStmt, OutputStmt, MeasureStmt, IfStmt,
               ForStmt, ReturnStmt, EmitStmt, RequireStmt>
      as;
};

// the train block

struct StepStmt;
struct MinimizeStep {
  ExprPtr objective;
  std::vector<String> over;
  Location over_at;
  ExprPtr optimizer; // a CallExpr
};
struct PhaseStep {
  ExprPtr count; // may be missing
  std::vector<std::unique_ptr<StepStmt>> body;
};
struct PatternStep { // freeze, fresh
  bool fresh = false;
  std::vector<String> patterns;
};
struct AverageStep {
  std::vector<String> over;
  ExprPtr with;
};
struct Aim { // `min loss`, `max accuracy`
  bool largest = false;
  Name report;
};
struct SettingStep {
  Name name;
  ExprPtr value;          // missing in `save_best = max accuracy`
  std::optional<Aim> aim; // behind `of` in `patience = 3 of min loss`
};
struct StepStmt {
  Location at;
  std::variant<MinimizeStep, PhaseStep, PatternStep, AverageStep, SettingStep> as;
};

// declarations of a file

struct Import {
  Location at;
  std::string path;
  std::optional<Name> as;
};
struct Const {
  Name name;
  std::string doc;
  ExprPtr value;
};
struct Model {
  Name name;
  std::string doc;
  std::vector<Parameter> parameters;
  Block body;
};
struct Train {
  Location at;
  Name model;
  std::string doc;
  Arguments arguments;
  std::optional<Tag> tag;
  std::vector<std::unique_ptr<StepStmt>> body;
};

struct File {
  u32 id = 0;
  std::vector<Import> imports;
  std::vector<std::unique_ptr<Const>> consts;
  std::vector<std::unique_ptr<FunctionDecl>> functions;
  std::vector<std::unique_ptr<FunctionDecl>> optimizers;
  std::vector<std::unique_ptr<Model>> models;
  std::vector<std::unique_ptr<Train>> trains;
};

} // namespace nnc::syntax
