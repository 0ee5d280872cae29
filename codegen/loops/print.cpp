// Loops as text, to be read and not to be parsed:
//
//     kernel train_step.2
//       for %i3 in [0, %12) by 8
//         %14 = load argument(0) [%13]          : f32 x 8
//         store slot(1) [%13], %14
#include "codegen/loops/loops.h"
#include "ir/op.h"
#include "ir/text/literal.h"

namespace nnc {
namespace {

class Printer {
public:
  explicit Printer(Loops const& l) : l_(l) {}

  std::string text() {
    std::string out = "kernel " + l_.name + "\n";
    list(out, l_.body, 2);
    return out;
  }

private:
  std::string ref(Ref r) const {
    auto const& i = l_[r];
    if (i.act == Act::constant) return literal_text(i.type.dtype, i.scalar);
    if (i.act == Act::index) return "%i" + std::to_string(i.number);
    return "%" + std::to_string(r);
  }
  static std::string type(Lanes t) {
    return std::string(name(t.dtype)) + (t.lanes == 1 ? "" : " x " + std::to_string(t.lanes));
  }
  std::string buffer(Inst const& i) const { return l_.buffers[static_cast<size_t>(i.number)].name; }

  void list(std::string& out, std::vector<Ref> const& refs, size_t indent) const {
    for (auto r : refs) {
      if (l_[r].act == Act::loop) loop(out, l_.loops[static_cast<size_t>(l_[r].number)], l_[r].number, indent);
      else out += std::string(indent, ' ') + inst(r) + "\n";
    }
  }

  void loop(std::string& out, Loop const& l, i64 number, size_t indent) const {
    std::string pad(indent, ' ');
    out += pad + "for %i" + std::to_string(number) + " in [" + ref(l.begin) + ", " + ref(l.end) + ") by " +
           std::to_string(l.step);
    for (size_t k = 0; k < l.carried.size(); ++k)
      out += (k ? ", " : " carrying ") + ref(l.carried[k]) + " = " + ref(l.initial[k]);
    out += "\n";
    list(out, l.body, indent + 2);
    for (size_t k = 0; k < l.next.size(); ++k)
      out +=
          pad + "  next " + ref(l.carried[k]) + " = " + ref(l.next[k]) + ", after the loop " + ref(l.results[k]) + "\n";
  }

  std::string operands(Inst const& i, int first = 0) const {
    std::string out;
    for (int k = first; k < operand_count(i); ++k)
      if (i.args[static_cast<size_t>(k)] != no_ref)
        out += (out.empty() ? " " : ", ") + ref(i.args[static_cast<size_t>(k)]);
    return out;
  }

  std::string inst(Ref r) const {
    auto const& i = l_[r];
    switch (i.act) {
    case Act::set_cell: return "cell " + std::to_string(i.number) + " =" + operands(i);
    case Act::count: return std::string("count ") + (i.number ? "zero_divided" : "clamped") + operands(i);
    case Act::prefetch:
      return "prefetch " + buffer(i) + " [" + ref(i.args[0]) + "]" + (i.scalar.i ? ", to be written" : "");
    case Act::store:
      return "store " + buffer(i) + " [" + ref(i.args[0]) + "], " + ref(i.args[1]) +
             (i.args[2] == no_ref ? "" : ", lanes below " + ref(i.args[2]));
    case Act::transpose: {
      auto const& t = l_.transpositions[static_cast<size_t>(i.number)];
      auto name = [&](int b) { return l_.buffers[static_cast<size_t>(b)].name; };
      return "transpose " + name(t.target) + " [" + ref(i.args[2]) + "] by " + std::to_string(t.target_stride) +
             " from " + name(t.source) + " [" + ref(i.args[0]) + "] by " + std::to_string(t.source_stride) + ", rows " +
             ref(i.args[1]) + ", depth " + ref(i.args[3]);
    }
    default: return "%" + std::to_string(r) + " = " + value(i) + " : " + type(i.type);
    }
  }

  std::string value(Inst const& i) const {
    switch (i.act) {
    case Act::cell: return "cell " + std::to_string(i.number);
    case Act::compute: return std::string(info(i.op).name) + operands(i);
    case Act::fma: return "fma" + operands(i);
    case Act::quotient: return "quotient" + operands(i);
    case Act::remainder: return "remainder" + operands(i);
    case Act::bit_width: return "bit_width" + operands(i);
    case Act::splat: return "splat" + operands(i);
    case Act::lane_numbers: return "lane_numbers";
    case Act::extract: return "extract" + operands(i);
    case Act::insert: return "insert" + operands(i);
    case Act::load:
      return "load " + buffer(i) + " [" + ref(i.args[0]) + "]" +
             (i.args[1] == no_ref ? "" : ", lanes below " + ref(i.args[1]));
    case Act::load_each: return "load_each " + buffer(i) + " [" + ref(i.args[0]) + " + " + ref(i.args[1]) + "]";
    case Act::tree: return "tree " + std::string(info(i.op).name) + operands(i);
    case Act::philox: return "philox " + std::to_string(i.number) + "," + operands(i);
    default: return "?";
    }
  }

  Loops const& l_;
};

} // namespace

std::string print(Loops const& l) { return Printer(l).text(); }

} // namespace nnc
