#include "ir/kernel_fields.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace nnc {
namespace {

using Read = std::optional<AttributeValue>;

constexpr u32 bit(KernelKind k) { return 1U << static_cast<u32>(k); }
constexpr u32 any_kind = (1U << kernel_kinds.size()) - 1;
constexpr u32 rows = bit(KernelKind::rows), contract = bit(KernelKind::contract);
constexpr u32 elements = bit(KernelKind::pointwise) | bit(KernelKind::scatter) | bit(KernelKind::lines);
constexpr u32 scheduled = any_kind & ~bit(KernelKind::scalars);

std::string listed(std::span<std::string_view const> words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i)
    out += fmt::format("{}{}", i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
  return out;
}

// The enumerator with this name.
template <class E>
E enumerator(AttributeValue const& value, std::span<std::string_view const> words) {
  auto const& word = std::get<std::string>(value);
  auto const found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) throw Error(fmt::format("expected {}, found \"{}\"", listed(words), word));
  return static_cast<E>(found - words.begin());
}

template <class T>
constexpr AttributeKind kind_of() {
  if constexpr (std::is_same_v<T, bool>) return AttributeKind::boolean;
  else if constexpr (std::is_same_v<T, i64>) return AttributeKind::integer;
  else if constexpr (std::is_enum_v<T>) return AttributeKind::string;
  else return AttributeKind::integers;
}

std::span<std::string_view const> words_of(PointwiseSchedule::Sums) { return sum_walks; }
std::span<std::string_view const> words_of(ContractSchedule::Pack) { return contract_packs; }
std::span<std::string_view const> words_of(ContractSchedule::Split) { return contract_splits; }

// A field of the schedule: `part` is that of a kind of kernel. Absent while it has its default.
template <auto part, auto member>
struct Scheduled {
  using Part = std::remove_cvref_t<decltype(Schedule{}.*part)>;
  using T = std::remove_cvref_t<decltype(Part{}.*member)>;

  static Read read(Kernel const& k) {
    if (!k.schedule || (*k.schedule).*part.*member == Part{}.*member) return {};
    T const& value = (*k.schedule).*part.*member;
    if constexpr (std::is_enum_v<T>) return Read(std::string(words_of(value)[static_cast<size_t>(value)]));
    else return Read(value);
  }
  static void write(Kernel& k, AttributeValue const& v) {
    if (!k.schedule) k.schedule.emplace();
    T& value = (*k.schedule).*part.*member;
    if constexpr (std::is_enum_v<T>) value = enumerator<T>(v, words_of(T{}));
    else value = std::get<T>(v);
  }
  static constexpr KernelField field(std::string_view name, u32 kinds, std::string_view doc) {
    return {{name, kind_of<T>(), true, doc}, kinds, read, write};
  }
};
template <auto member>
using Pointwise = Scheduled<&Schedule::pointwise, member>;
template <auto member>
using Rows = Scheduled<&Schedule::rows, member>;
template <auto member>
using Contract = Scheduled<&Schedule::contract, member>;

constexpr KernelField fields[] = {
    {{"kind", AttributeKind::string, false, "scalars, pointwise, rows, scatter, lines or contract"},
     any_kind,
     [](Kernel const& k) { return Read(std::string(name(k.kind))); },
     [](Kernel& k, AttributeValue const& v) { k.kind = enumerator<KernelKind>(v, kernel_kinds); }},
    {{"row_axes", AttributeKind::integer, true,
      "the last axes of the space that form a row, which the reductions reduce"},
     rows,
     [](Kernel const& k) { return k.row_axes ? Read(k.row_axes) : Read{}; },
     [](Kernel& k, AttributeValue const& v) { k.row_axes = std::get<i64>(v); }},
    {{"parallel", AttributeKind::boolean, true, "split among threads; present when the kernel is scheduled"},
     scheduled,
     [](Kernel const& k) { return k.schedule ? Read(k.schedule->parallel) : Read{}; },
     [](Kernel& k, AttributeValue const& v) {
       if (!k.schedule) k.schedule.emplace();
       k.schedule->parallel = std::get<bool>(v);
     }},
    {{"cut", AttributeKind::integers, true, "loops, counted from 0, that are cut where guards change"},
     bit(KernelKind::pointwise) | rows,
     [](Kernel const& k) { return k.schedule && !k.schedule->cut.empty() ? Read(k.schedule->cut) : Read{}; },
     [](Kernel& k, AttributeValue const& v) {
       if (!k.schedule) k.schedule.emplace();
       k.schedule->cut = std::get<std::vector<i64>>(v);
     }},
    Pointwise<&PointwiseSchedule::lanes>::field("lanes", elements,
                                                "elements of the innermost axis, or lines, at a time"),
    Pointwise<&PointwiseSchedule::unit>::field(
        "unit", bit(KernelKind::pointwise), "elements that threads do not share, where they divide the innermost axis"),
    Pointwise<&PointwiseSchedule::sums>::field(
        "sums", bit(KernelKind::pointwise),
        "how chains inside are walked: by_axes, in a loop for each axis, or unrolled; else over one index of all axes"),
    Pointwise<&PointwiseSchedule::jam>::field("jam", bit(KernelKind::pointwise),
                                              "the sums at all indices of so many first axes are walked together"),
    Rows<&RowsSchedule::unrolled>::field("unrolled", rows, "a row is no loop: its elements stay in registers"),
    Rows<&RowsSchedule::keep>::field("keep", rows,
                                     "nodes, counted from 0, whose row is kept in memory from walk to walk"),
    Contract<&ContractSchedule::tile_rows>::field("tile_rows", contract, "rows of the register tile"),
    Contract<&ContractSchedule::panels>::field("panels", contract, "widths of the panels of columns, in vectors"),
    Contract<&ContractSchedule::depth_chunk>::field("depth_chunk", contract, "steps of the sum at a time; else all"),
    Contract<&ContractSchedule::row_chunk>::field("row_chunk", contract, "rows at a time; else all"),
    Contract<&ContractSchedule::row_chunk_long>::field(
        "row_chunk_long", contract, "the same when a sum of unknown length takes more than one chunk"),
    Contract<&ContractSchedule::direct>::field("direct", contract, "the second operand is read where it lies"),
    Contract<&ContractSchedule::depth_outside>::field(
        "depth_outside", contract, "chunks of the sum are walked outside of the panels, whose totals all wait"),
    Contract<&ContractSchedule::finish_rows>::field(
        "finish_rows", contract, "the epilogue goes along whole rows, when all panels of a chunk of rows are done"),
    Contract<&ContractSchedule::pack_lhs>::field("pack_lhs", contract,
                                                 "whole or chunks: the first operand is packed, with all of the sum or "
                                                 "with each chunk; windows: with the border that windows read; else it "
                                                 "is read where it lies"),
    Contract<&ContractSchedule::box_rows>::field("box_rows", contract,
                                                 "the last two axes of a window box are packed as one"),
    Contract<&ContractSchedule::lhs_ahead>::field(
        "lhs_ahead", contract, "steps of the sum by which a first operand, where it lies, is asked for ahead"),
    Contract<&ContractSchedule::rhs_once>::field("rhs_once", contract,
                                                 "all of the second operand is packed once, for all batches"),
    Contract<&ContractSchedule::lhs_stride>::field("lhs_stride", contract, "elements from row to row of it"),
    Contract<&ContractSchedule::rhs_stride>::field(
        "rhs_stride", contract, "elements from row to row of a second operand that is computed along the sum"),
    Contract<&ContractSchedule::split>::field("split", contract, "what threads divide: columns or batches; else rows"),
    Contract<&ContractSchedule::prefetch>::field("prefetch", contract,
                                                 "results that are updated in place are asked for ahead"),
    {{"places", AttributeKind::places, true, "where each result lives; present when memory is planned"},
     any_kind,
     [](Kernel const& k) { return k.places ? Read(*k.places) : Read{}; },
     [](Kernel& k, AttributeValue const& v) { k.places = std::get<std::vector<Place>>(v); }},
    {{"barrier", AttributeKind::boolean, true, "waits for the other threads before it starts"},
     scheduled,
     [](Kernel const& k) { return k.barrier ? Read(true) : Read{}; },
     [](Kernel& k, AttributeValue const& v) { k.barrier = std::get<bool>(v); }},
};

} // namespace

std::span<KernelField const> kernel_fields() { return fields; }

std::string kinds_text(KernelField const& f) {
  std::vector<std::string_view> words;
  for (size_t k = 0; k < kernel_kinds.size(); ++k)
    if (f.belongs_to(static_cast<KernelKind>(k))) words.push_back(kernel_kinds[k]);
  return listed(words);
}

} // namespace nnc
