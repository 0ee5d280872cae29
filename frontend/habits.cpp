#include "frontend/habits.h"

#include <array>
#include <fmt/core.h>

namespace nnc {

namespace {

std::vector<Habit> table() {
  std::vector<Habit> out;
#define NNC_HABIT(kind, word, means, says, place, wrong, right) out.push_back({HabitKind::kind, word, means, says});
#include "frontend/habits.def"
#undef NNC_HABIT
  return out;
}

// Every token of a text is asked for, so symbols are found by their first character.
using ByFirst = std::array<std::vector<Habit const*>, 256>;
ByFirst symbols() {
  ByFirst out;
  for (auto const& h : habits())
    if (h.kind == HabitKind::symbol) out[static_cast<unsigned char>(h.word.front())].push_back(&h);
  return out;
}

} // namespace

std::vector<Habit> const& habits() {
  static std::vector<Habit> const all = table();
  return all;
}

Habit const* habit(HabitKind kind, std::string_view word) {
  for (auto const& h : habits())
    if (h.kind == kind && h.word == word) return &h;
  return nullptr;
}

Habit const* habit_at(std::string_view text) {
  static ByFirst const known = symbols();
  Habit const* longest = nullptr;
  if (text.empty()) return longest;
  for (auto const* h : known[static_cast<unsigned char>(text.front())])
    if (text.starts_with(h->word) && (!longest || h->word.size() > longest->word.size())) longest = h;
  return longest;
}

std::string help_of(Habit const& h) {
  if (!h.says.empty()) return std::string(h.says);
  bool const renamed = h.kind == HabitKind::argument || h.kind == HabitKind::setting;
  return renamed ? fmt::format("it is called `{}` here", h.means) : fmt::format("write `{}`", h.means);
}

} // namespace nnc
