// What an operator is: one constexpr entry per operator, declared once, in ir/ops/<family>.cpp, under its name in
// ir/ops.def. The printer, the parser, the verifier, the reference page, the evaluator, the gradient checks and the
// fuzzers are driven by these entries.
#pragma once

#include "ir/module.h"

#include <optional>
#include <span>

namespace nnc {

struct IndexMap; // ir/index_map.h
struct MapQuery; //
struct Tensor;   // ir/tensor.h
class Grad;      // ir/grad.h

// Passes ask for traits, not for names.
enum Trait : u32 {
  elementwise = 1 << 0, // element i of the result depends on element i of the operands (rank 0 ones broadcast)
  commutative = 1 << 1,
  moves_data = 1 << 2,    // every element of the result is an element of an operand or a fill value; no arithmetic
  reduces = 1 << 3,       // folds axes away (attribute `axes`, or `axis`)
  contracts = 1 << 4,     // sums products (`dot`)
  stated_type = 1 << 5,   // the result type cannot be derived; it is stated where the node is made, and checked
  no_derivative = 1 << 6, // a decision: passes no gradient (comparisons, round, argmax, integers, random bits)
  random = 1 << 7,        // its bits depend on `path`, seed and step
  exact = 1 << 8,         // on f32, IEEE 754 defines its bits: `fold` may evaluate it
  costly = 1 << 9,        // tens of instructions (exp, log, tanh ...): not worth computing twice
  structural = 1 << 10,   // grad, with_gradient, call, cond, scan, kernel: nodes about nodes
  compares = 1 << 11,     // elementwise; the result is bool, whatever the operands are
  accumulates = 1 << 12,  // its elements are sums or products of many: narrow floats accumulate in f32 (pass `widen`)
  along_lines = 1 << 13,  // its results need whole lines along the attribute `axis`, each of them by itself
};

enum class AttributeKind : u8 { boolean, integer, number, string, integers, dims, order, places };

// What an attribute says of the axes of the first operand, where these are moved to other places.
enum class OfAxes : u8 {
  nothing,
  names, // it is a number, or an increasing list of numbers, of axes
  each,  // it has a value for each axis
};

struct AttributeSpec {
  std::string_view name;
  AttributeKind kind;
  bool optional = false; // an attribute that has its default is absent from the node
  std::string_view doc;
  OfAxes of_axes = OfAxes::nothing;
};

// What a type rule sees. It throws Error (message without place; the caller adds it) for operands that do not fit.
struct TypeQuery {
  std::span<Type const> operands;
  Attributes const& attributes;
  Type const* stated = nullptr; // for `stated_type` operators; may be null for the others
};

// Where tests and fuzzers draw operands from. Each sample is one well-typed use of the operator.
struct Sample {
  std::vector<Type> operands; // small constant shapes
  Attributes attributes;
  std::optional<Type> stated;
  f64 low = -2, high = 2; // uniform range of float operands; integers are drawn from [int_low, int_high]
  i64 int_low = 0, int_high = 5;
};
struct Refusal { // operands that must be refused, and a part of the message
  Sample sample;
  std::string_view message;
};

struct Op {
  std::string_view name; // as it is printed: "and" for ops::and_
  std::string_view doc;  // one sentence, then formula and special values
  int arity = 1;         // -1: any number
  int regions = 0;       // how many a node holds
  u32 traits = 0;
  std::span<AttributeSpec const> attributes = {};
  std::vector<Type> (*type)(TypeQuery const&) = nullptr;
  // Which elements of an operand it reads (ir/index_map.h). Null: of elementwise operators it follows from the trait,
  // of the others nothing is known about operands but those of rank 0.
  std::optional<IndexMap> (*map)(MapQuery const&) = nullptr;
  // Of a reduction that folds with an elementwise operator: which one. Its neutral element is where a fold starts.
  std::optional<OpCode> join = std::nullopt;
  void (*gradient)(Grad&) = nullptr; // null only with `no_derivative` or `structural`
  // operands -> results, float ones in f64 without rounding (the caller rounds once to the dtype), integers in their
  // own width
  std::vector<Tensor> (*evaluate)(Node const&, std::span<Tensor const> operands,
                                  std::span<Type const> results) = nullptr;
  std::vector<Sample> (*samples)() = nullptr;
  std::vector<Refusal> (*errors)() = nullptr;
  // How the language writes it: a sign ("+", "and") or, with parentheses, a function ("exp(x)"). Empty: it has no words
  // of its own there.
  std::string_view written = "";
  std::string_view accuracy = ""; // of the compiled code, "at most 2 ulp"; empty: exact or correctly rounded
  bool has(u32 trait) const { return (traits & trait) != 0; }
  bool is_function() const { return written.find('(') != std::string_view::npos; }
  std::string_view word() const { return written.empty() ? name : written.substr(0, written.find('(')); } // "exp"
};

namespace ops {
#define NNC_OP(identifier, family) extern Op const identifier;
#include "ir/ops.def"
#undef NNC_OP
} // namespace ops

Op const& info(OpCode);
std::optional<OpCode> op_named(std::string_view name);
std::optional<OpCode> op_written(std::string_view sign); // of two operands: "+", "//", "=="
// Does a derivative flow from the results of a node to this operand (an index), as far as the operator tells?
bool carries_derivative(Node const&, size_t operand);

std::span<OpCode const> all_ops();

// Result types of a node, checked: throws Error with the operator's message when the operands do not fit.
std::vector<Type> result_types(OpCode, std::span<Type const> operands, Attributes const&, Type const* stated);

// The attributes of a node whose axis i is axis to[i] now.
Attributes permuted_attributes(OpCode, Attributes, std::span<i64 const> to);
// The axes that its attribute names; none where it has no such attribute.
std::vector<i64> named_axes(OpCode, Attributes const&);

// The reference page, ir/OPERATORS.md.
std::string operators_page();

} // namespace nnc
