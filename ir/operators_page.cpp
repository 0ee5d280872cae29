// ir/OPERATORS.md, made from the table. A test compares the file with what this writes.
#include "ir/kernel_fields.h"

#include <algorithm>
#include <fmt/core.h>
#include <string_view>

namespace nnc {
namespace {

constexpr std::string_view head = R"(# The operators

Made from the table in `ir/ops/*.cpp` by `operators_page()`; `NNC_UPDATE=1 test_ir` writes it anew. Every operator is
declared once there: type rule, derivative, evaluation, samples for tests. `ir/NUMERICS.md` defines what the bits are.

Elementwise operators take operands of one shape, or of rank 0, which serve every element. Operands have one dtype unless the
text says otherwise. *exact*: IEEE 754 or integer arithmetic defines the bits. *by order*: the attribute `order` defines
them, for `scatter_add` the order of its indices, for `recurrence` that of the line. *stated* under result: the type stands where the node is made.

)";

struct Row {
  Op const* op;
  std::string_view family;
};
std::vector<Row> rows() {
  return {
#define NNC_OP(identifier, family) {&ops::identifier, #family},
#include "ir/ops.def"
#undef NNC_OP
  };
}

std::string arity_text(Op const& op) { return op.arity < 0 ? "any" : std::to_string(op.arity); }

std::string derivative_text(Op const& op) {
  if (op.has(structural)) return "";
  return op.gradient ? "yes" : "none";
}

std::string accuracy_text(Op const& op) {
  if (op.has(structural)) return "";
  if (!op.accuracy.empty()) return std::string(op.accuracy);
  return op.has(exact) ? "exact" : "by order";
}

std::string kind_text(AttributeKind kind) {
  switch (kind) {
  case AttributeKind::boolean: return "bool";
  case AttributeKind::integer: return "integer";
  case AttributeKind::number: return "number";
  case AttributeKind::string: return "string";
  case AttributeKind::integers: return "integers";
  case AttributeKind::dims: return "extents";
  case AttributeKind::order: return "order";
  case AttributeKind::places: return "places";
  }
  return "";
}

// Of a field that not every kernel has.
std::string kinds_note(KernelField const& f) {
  bool const all = std::all_of(kernel_kinds.begin(), kernel_kinds.end(),
                               [&, k = 0](auto) mutable { return f.belongs_to(static_cast<KernelKind>(k++)); });
  return all ? "" : "(" + kinds_text(f) + ") ";
}

std::string table_of(std::vector<Row> const& family) {
  std::string out = "| operator | operands | result | derivative | accuracy | |\n|---|---|---|---|---|---|\n";
  for (auto const& [op, name] : family)
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", op->name, arity_text(*op),
                       op->has(stated_type) ? "stated" : "", derivative_text(*op), accuracy_text(*op), op->doc);
  return out;
}

std::string attribute_text(Op const& op, AttributeSpec const& a, std::string_view note) {
  return fmt::format("| `{}` | `{}` | {}{} | {}{} |\n", op.name, a.name, kind_text(a.kind),
                     a.optional ? ", may be absent" : "", note, a.doc);
}

std::string attributes_of(std::vector<Row> const& family) {
  std::string out;
  for (auto const& [op, name] : family) {
    for (auto const& a : op->attributes) out += attribute_text(*op, a, "");
    if (op == &ops::kernel)
      for (auto const& f : kernel_fields()) out += attribute_text(*op, f.spec, kinds_note(f));
  }
  return out.empty() ? "" : "\n| operator | attribute | kind | |\n|---|---|---|---|\n" + out;
}

} // namespace

std::string operators_page() {
  std::string out(head);
  auto all = rows();
  for (auto begin = all.begin(); begin != all.end();) {
    auto end = std::find_if(begin, all.end(), [&](Row const& r) { return r.family != begin->family; });
    std::vector<Row> family(begin, end);
    out += fmt::format("{}## {}\n\n{}{}", begin == all.begin() ? "" : "\n", begin->family, table_of(family),
                       attributes_of(family));
    begin = end;
  }
  return out;
}

} // namespace nnc
