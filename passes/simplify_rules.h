// The rules of `simplify`: each looks at one node (and at what defines its operands) and names a value that is the
// same.
#pragma once

#include "ir/builder.h"
#include "passes/rewrite.h"

#include <span>

namespace nnc {

// What a rule sees. Nodes that it makes are simplified in turn.
struct Match {
  Rewriter& rewriter;
  Builder make;
  Type const& type(ValueId v) const { return rewriter.function.values[v].type; }
  Node const* definition(ValueId v) const { return rewriter.definition(v); }
  // The node that gives v, if it is one of `op`.
  Node const* made_by(ValueId v, OpCode op) const {
    auto* n = definition(v);
    return n && n->op == op ? n : nullptr;
  }
  std::optional<Scalar> literal(ValueId v) const { return rewriter.function.values[v].constant; }
  bool is_number(ValueId v, f64 x) const; // a literal of exactly these bits, in any dtype
};

struct Rule {
  std::string_view name;
  ValueId (*apply)(Match&, Node const&); // no_value: does not fit
};

std::span<Rule const> arithmetic_rules();
std::span<Rule const> shape_rules();

bool is_elementwise(Node const&); // a reshape may pass through it

} // namespace nnc
