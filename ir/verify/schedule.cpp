// Is a schedule one by which right code can be made? Whatever verifies gives the same bits (ir/kernel.h).
#include "ir/contraction.h"
#include "ir/cuts.h"
#include "ir/kernel_space.h"
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/verify/parts.h"
#include "ir/walk.h"

#include <algorithm>
#include <bit>
#include <fmt/ranges.h>
#include <string>

namespace nnc::verifying {
namespace {

using Pack = ContractSchedule::Pack;

constexpr i64 most_lanes = 32;
constexpr i64 most_unit = 1 << 20;
constexpr i64 most_steps_ahead = 1 << 12;
constexpr i64 most_sums_in_lanes = 16;      // rows times columns
constexpr i64 most_steps = 6 * 1024 * 1024; // or rows of a chunk, or elements of a row

bool is_power_of_two(i64 n) { return n > 0 && std::has_single_bit(static_cast<u64>(n)); }

class Schedules {
public:
  Schedules(Module const& m, Function const& f, Complain const& complain)
      : f_(f), target_(m.target.value_or(Target{})), complain_(complain), numbers_(numbers_of_threads(f)) {}

  void check(Node const& n) {
    node_ = &n;
    if (!n.kernel->schedule) return;
    auto const& s = *n.kernel->schedule;
    switch (n.kernel->kind) {
    case KernelKind::scalars: return;
    case KernelKind::scatter:
      if (s.parallel && !divides_scatter(f_, *node_))
        complain("a scatter into a vector is not parallel: it adds in the order of the indices");
      return lanes_alone(s.pointwise);
    case KernelKind::lines: return lanes_alone(s.pointwise);
    case KernelKind::pointwise: return pointwise(s.pointwise);
    case KernelKind::rows: cuts(s.cut); return rows(s.rows);
    case KernelKind::contract: return contract(s.contract);
    }
  }

private:
  template <class... Args>
  void complain(fmt::format_string<Args...> text, Args&&... args) {
    fine_ = false;
    complain_(node_->at, fmt::format(text, std::forward<Args>(args)...));
  }
  void within(std::string_view name, i64 value, i64 least, i64 most) {
    if (value < least || value > most) complain("{} is {}, expected {} to {}", name, value, least, most);
  }
  // A chunk of rows is made of whole tiles, and padded rows of whole chunks.
  void whole_rows(std::string_view name, i64 value, i64 unit) {
    if (value < 0 || value % unit) complain("{} is {}, expected a multiple of {}", name, value, unit);
  }

  void lanes_alone(PointwiseSchedule const& s) {
    if (!is_power_of_two(s.lanes) || s.lanes > row_padding)
      complain("lanes are {}, expected a power of two up to {}", s.lanes, row_padding);
  }

  void pointwise(PointwiseSchedule const& s) {
    if (s.jam != 0 && !jammed_sums(f_, *node_, s.jam))
      return complain("jam is {}, which is for one contraction and few of its results", s.jam);
    cuts(node_->kernel->schedule->cut);
    auto const run = innermost_run(f_, *node_);
    i64 most = most_lanes;
    if (run && !run->is_constant()) most = row_padding; // so far slots reach beyond the batch
    if (has_order(f_, *node_, Order::Kind::lanes)) most = 1;
    if (!is_power_of_two(s.lanes) || s.lanes > most)
      return complain("lanes are {}, expected a power of two up to {}", s.lanes, most);
    if (s.sums == PointwiseSchedule::Sums::unrolled &&
        longest_chain(f_, *node_).value_or(most_unrolled + 1) > most_unrolled)
      complain("unrolled is for sums of up to {} terms", most_unrolled);
    if (s.unit < 1 || s.unit > most_unit || s.unit % s.lanes)
      complain("unit is {}, expected a multiple of {} lanes up to {}", s.unit, s.lanes, most_unit);
  }

  void cuts(std::vector<i64> const& cut) {
    if (cut.empty()) return;
    auto const walked = walked_space(f_, *node_, *node_->kernel->schedule);
    i64 before = -1;
    for (i64 loop : cut) {
      if (loop <= before || loop >= static_cast<i64>(walked.runs.size()) ||
          cuts_of_loop(f_, *node_, walked, static_cast<size_t>(loop)).empty())
        return complain("cut is [{}], expected numbers of loops in order, not of one that threads divide, along which "
                        "guards change",
                        fmt::join(cut, ", "));
      before = loop;
    }
  }

  void rows(RowsSchedule const& s) {
    auto const space = row_space(f_, *node_);
    auto const row = space.row();
    bool const short_row = row && *row <= longest_unrolled_row && space.space.size() == space.outer + 1;
    if (s.unrolled && !short_row)
      return complain("unrolled is for rows of one axis of up to {} elements", longest_unrolled_row);
    if (s.unrolled && !s.keep.empty()) return complain("keep is for rows that are not unrolled");
    if (!s.keep.empty() && !row) return complain("keep is for rows whose length is known");
    auto const& nodes = node_->regions.front().nodes;
    i64 used = 0, before = -1;
    for (i64 i : s.keep) {
      if (i <= before || i >= static_cast<i64>(nodes.size()))
        return complain("keep is [{}], expected numbers of nodes in their order", fmt::join(s.keep, ", "));
      before = i;
      auto const& n = nodes[static_cast<size_t>(i)];
      if (!info(n.op).has(costly) || !space.is_shape_of(f_.type(n.result()).shape))
        return complain("node {}, {}, is not kept: it is cheap, or no row", i, info(n.op).name);
      used += bytes_of_row(*row, f_.type(n.result()).dtype);
    }
    if (used > most_bytes_of_rows) complain("kept rows take {} bytes, expected up to {}", used, most_bytes_of_rows);
  }

  void contract(ContractSchedule const& s) {
    auto const c = contraction_of(f_, *node_, numbers_);
    if (!fits_nest(f_, c)) return complain("no nest of loops takes this product: its kernel is of kind pointwise");
    fine_ = true;
    within("tile_rows", s.tile_rows, 1, row_padding);
    bool const all = c.rows == Dim(s.tile_rows) && s.tile_rows <= target_.lanes(c.dtype),
               packed = s.pack_lhs == Pack::whole || s.pack_lhs == Pack::chunks;
    if (row_padding % std::max<i64>(s.tile_rows, 1) && packed && !all)
      complain("tile_rows is {}, expected a power of two, or all rows up to {}", s.tile_rows, target_.lanes(c.dtype));
    if (c.kind == Order::Kind::lanes) return sums_in_lanes(c, s);
    panels(c, s);
    if (!fine_) return;
    operands(c, s);
    chunks(c, s);
    if (fine_) memory(c, s);
  }

  void sums_in_lanes(Contraction const& c, ContractSchedule const& s) {
    if (s.tile_rows * *c.columns.constant() > most_sums_in_lanes)
      complain("tile_rows is {}: more than {} sums in lanes", s.tile_rows, most_sums_in_lanes);
    if (s != ContractSchedule{.tile_rows = s.tile_rows, .panels = {}})
      complain("where lanes run along the sum, tile_rows alone is chosen");
  }

  // Their sums are every number of vectors that a thread gets. Threads that divide columns get pairs of vectors, the
  // last one what is left.
  void panels(Contraction const& c, ContractSchedule const& s) {
    auto const vectors = c.vectors(target_.lanes(c.dtype));
    bool const divided = s.split == ContractSchedule::Split::columns;
    auto const is = [&](std::vector<i64> const& widths) { return s.panels == widths; };
    i64 const n = vectors.value_or(1); // any number
    bool const fine = is({1}) || is({2, 1}) || (is({2}) && n % 2 == 0) ||
                      (is({3}) && (n == 3 || (n % 3 == 0 && !divided))) || (is({3, 2}) && n > 1);
    if (!fine)
      return complain("panels are [{}], which do not make every part of {} vectors", fmt::join(s.panels, ", "),
                      vectors ? std::to_string(*vectors) : "an unknown number of");
    if (!fits_registers(s.tile_rows, s.panels.front(), target_.registers))
      complain("a tile of {} rows and {} vectors needs more than {} registers", s.tile_rows, s.panels.front(),
               target_.registers);
  }

  void operands(Contraction const& c, ContractSchedule const& s) {
    bool const in_order = c.rhs.plain && one_stride(c.rhs.plain->inner) == 1 && one_stride(c.rhs.plain->outer);
    if (s.direct && (!in_order || c.columns.constant().value_or(1) % target_.lanes(c.dtype)))
      complain("direct is for whole vectors of a second operand that lies in memory row by row");
    if (s.pack_lhs == Pack::none && !c.lhs.plain) complain("the first operand lies in no memory: pack_lhs is missing");
    if (s.pack_lhs == Pack::none && c.lhs.plain && !run_of_depth(c, c.lhs.plain->inner, s.depth_chunk))
      complain("chunks or blocks of the sum do not end where runs of the first operand do: pack_lhs is missing");
    if (!packs_whole_runs(c, s.depth_chunk) && !s.direct)
      complain("depth_chunk is {}, expected whole runs of the second operand", s.depth_chunk);
    if (s.pack_lhs == Pack::windows) windows(c, s);
    else if (s.box_rows) complain("box_rows is for boxes of windows: pack_lhs is not \"windows\"");
    if (s.rhs_once) once(c, s);
    if (s.finish_rows) finish(c, s);
    bool const ahead = s.pack_lhs == Pack::none && c.lhs.plain;
    if (!ahead && s.lhs_ahead) complain("lhs_ahead is {}, but the first operand is packed", s.lhs_ahead);
    within("lhs_ahead", s.lhs_ahead, 0, most_steps_ahead);
    if (s.pack_lhs == Pack::whole && !c.depth.is_constant())
      complain("pack_lhs is \"whole\", but the length of the sum, {}, is not known", c.depth.text());
    if (s.pack_lhs == Pack::chunks && s.depth_chunk == 0)
      complain("pack_lhs is \"chunks\", but there is no depth_chunk");
  }

  void windows(Contraction const& c, ContractSchedule const& s) {
    if (!c.box) return complain("no windows of known sizes move over the first operand");
    if (!run_of_depth(c, c.box->inner, s.depth_chunk))
      complain("chunks or blocks of the sum do not end where runs of windows do");
    if (s.depth_chunk && !c.box->image) complain("a box of windows holds the whole sum: it has no depth_chunk");
    if (s.box_rows && !c.box->rows_in_order)
      complain("box_rows is for boxes whose last two axes lie in memory in order");
    i64 const chunk = c.box->image ? chunk_of_images(c) : 1;
    if (chunk == 0 || s.depth_chunk % chunk)
      complain("depth_chunk is {}, expected a multiple of {}, the blocks of whole images", s.depth_chunk, chunk);
  }
  void finish(Contraction const& c, ContractSchedule const& s) {
    if (!c.columns.is_constant() || s.depth_chunk || c.blocked() || c.box || !s.row_chunk)
      complain("finish_rows is for a sum that is taken in one, for chunks of rows of known length, not by windows");
  }
  void once(Contraction const& c, ContractSchedule const& s) {
    if (!c.rhs_shared || !c.columns.is_constant() || s.direct || s.depth_chunk ||
        s.split == ContractSchedule::Split::columns || !c.depth.is_constant())
      complain("rhs_once is for a second operand that all batches share and all threads pack whole");
  }

  void chunks(Contraction const& c, ContractSchedule const& s) {
    within("depth_chunk", s.depth_chunk, 0, most_steps);
    within("row_chunk", s.row_chunk, 0, most_steps);
    if (s.depth_chunk == 0 && c.depth.constant().value_or(0) > most_steps)
      complain("a sum of {} steps needs a depth_chunk", c.depth.text());
    if (s.depth_chunk < 0 || (s.depth_chunk && c.block && s.depth_chunk % c.block))
      complain("depth_chunk is {}, expected whole blocks of {}", s.depth_chunk, std::max<i64>(c.block, 1));
    if (s.depth_chunk == 0 && !c.depth.is_constant()) complain("a sum of {} steps needs a depth_chunk", c.depth.text());
    bool const one = c.rows.constant() && s.row_chunk >= *c.rows.constant(); // a chunk of all rows ends anywhere
    i64 const unit = one ? row_padding : unit_of_rows(s.tile_rows);
    whole_rows("row_chunk", s.row_chunk, unit);
    whole_rows("row_chunk_long", s.row_chunk_long, unit);
    if (s.row_chunk == 0 && (s.depth_chunk || (s.pack_lhs != Pack::none && s.pack_lhs != Pack::windows)))
      complain("a depth_chunk, or pack_lhs, needs a row_chunk");
    if (s.depth_outside && (!packs_by_chunks(s) || !c.columns.is_constant()))
      complain("depth_outside is for a first operand that is packed chunk by chunk, and columns of known number");
    if (s.row_chunk_long > s.row_chunk || (s.row_chunk_long && (c.depth.is_constant() || !s.depth_chunk)))
      complain("row_chunk_long is for chunks of a sum of unknown length, and up to row_chunk");
  }

  void memory(Contraction const& c, ContractSchedule const& s) {
    i64 const lanes = target_.lanes(c.dtype), depth = s.depth_chunk ? s.depth_chunk : *c.depth.constant();
    stride("lhs_stride", s.lhs_stride, s.pack_lhs != Pack::none && s.pack_lhs != Pack::windows, packed_depth(c, s));
    stride("rhs_stride", s.rhs_stride, !c.rhs.plain && !c.rhs.along_inner, (depth + lanes - 1) / lanes * lanes);
    if (!fine_) return;
    i64 const size = bytes(c.dtype) * buffers_of(c, s, lanes).elements();
    if (size > most_bytes_of_nest)
      complain("the nest takes {} bytes of a thread's memory, expected up to {}", size, most_bytes_of_nest);
  }
  void stride(std::string_view name, i64 value, bool used, i64 least) {
    if (used) within(name, value, least, most_steps);
    else if (value) complain("{} is {}, but nothing has it", name, value);
  }

  Function const& f_;
  Target const target_;
  Complain const& complain_;
  std::vector<bool> const numbers_; // per value
  Node const* node_ = nullptr;      // the kernel that is looked at
  bool fine_ = true;
};

} // namespace

void verify_schedules(Module const& m, Function const& f, Complain const& complain) {
  Schedules schedules(m, f, complain);
  each_node(f.body.nodes, [&](Node const& n) {
    if (n.kernel) schedules.check(n);
  });
}

} // namespace nnc::verifying
