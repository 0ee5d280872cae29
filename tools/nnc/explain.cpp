#include "tools/nnc/explain.h"

#include "tools/nnc/summary.h"

#include <algorithm>
#include <fmt/core.h>

namespace command {

std::string constants_text(nnc::Program const& program) {
  std::string text;
  bool tuned = false, batch = false, from_text = false;
  for (auto const& constant : program.constants()) {
    auto const number = fmt::format("{} = {}", constant.name, constant.value);
    auto const place =
        fmt::format("{}:{}:{}: ", nnc::printable(constant.at.file), constant.at.line, constant.at.column);
    text += fmt::format("{:<10} {:<28} {}{}\n", "constant", number, constant.at.line > 0 ? place : "", constant.what);
    (constant.name == "batch" ? batch : tuned) = true;
    from_text |= constant.at.line > 0;
  }
  if (!batch) text += "one code serves every size of batch\n";
  else if (!from_text) text += "batches of other sizes need another module\n";
  else
    text += fmt::format("code is made for each size of batch that is met, once; --dump and --emit show that for {}\n",
                        program.constants().front().value);
  return text + (tuned ? "all other numbers that tune are read at run time\n"
                       : "all numbers that tune are read at run time\n");
}

std::string memory_text(nnc::Program const& program) {
  auto const all = program.overview();
  std::int64_t total = 0;
  for (auto const& holder : all.memory) total += holder.bytes;
  std::string text = fmt::format("{} to {} a batch of {}, beside the data\n", bytes_text(total),
                                 program.can_train() ? "train" : "run", program.batch());
  for (auto const& holder : all.memory) {
    auto line = fmt::format("{:>9}  {:<10} {:<32} {:<20}", bytes_text(holder.bytes), holder.kind,
                            nnc::printable(holder.name), holder.type);
    if (holder.at.line > 0) line += fmt::format(" {}:{}", nnc::printable(holder.at.file), holder.at.line);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (holder.also.empty()) continue;
    std::string also;
    for (std::size_t i = 0; i < std::min<std::size_t>(holder.also.size(), 5); ++i)
      also += (i == 0 ? "" : ", ") + nnc::printable(holder.also[i]);
    if (holder.also.size() > 5) also += fmt::format(" and {} more", holder.also.size() - 5);
    text += fmt::format("{:22}at other times {}\n", "", also);
  }
  return text + "a place of values is as large as the largest that is ever in it, for the batch rounded up to 16\n";
}

namespace {

// Of "fuse: @run: [dense.y add] net.nn:8 gives f32[batch,10] to [probs] net.nn:10: ..." the names between brackets that
// follow a blank; types have none.
std::vector<std::string> names_in(std::string const& line) {
  std::vector<std::string> out;
  for (auto at = line.find(" ["); at != std::string::npos; at = line.find(" [", at + 1))
    for (auto i = at + 2, end = line.find(']', at); i < end;) {
      auto const next = std::min(line.find(' ', i), end);
      out.push_back(line.substr(i, next - i));
      i = next + 1;
    }
  return out;
}

// `relu.y` and, where passes made it anew, `relu.y_2`.
bool is_called(std::string const& have, std::string const& name) {
  if (!have.starts_with(name)) return false;
  auto const rest = have.substr(name.size());
  return rest.empty() || (rest[0] == '_' && rest.find_first_not_of("0123456789", 1) == std::string::npos);
}

} // namespace

std::string fusion_text(std::string const& name, std::vector<std::string> const& trace) {
  constexpr std::string_view mark = "fuse: ";
  std::string text;
  std::vector<std::string> known;
  for (auto const& line : trace) {
    if (!line.starts_with(mark)) continue;
    auto const names = names_in(line);
    known.insert(known.end(), names.begin(), names.end());
    if (std::any_of(names.begin(), names.end(), [&](auto const& n) { return is_called(n, name); }))
      text += nnc::printable(line.substr(mark.size())) + "\n";
  }
  if (!text.empty()) return text;
  auto const near = nnc::suggestion(name, known);
  throw nnc::Failure(nnc::Code::argument,
                     fmt::format("error: no tensor is stored between two kernels one of which computes '{}'\nhelp: {}",
                                 nnc::printable(name),
                                 near.empty() ? "--dump fuse shows the kernels and the names of their values"
                                              : fmt::format("did you mean '{}'?", nnc::printable(near))));
}

} // namespace command
