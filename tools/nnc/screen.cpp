#include "tools/nnc/screen.h"

#include "tools/nnc/interrupt.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace command {
namespace {

constexpr double seconds_between_lines = 0.1;

bool is_set(char const* name) {
  auto const* value = std::getenv(name);
  return value && *value;
}

bool is_dumb() {
  auto const* term = std::getenv("TERM");
  return !term || !*term || std::strcmp(term, "dumb") == 0;
}

size_t columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// To standard error. When it is closed, nobody reads it or its disk is full, there is nobody to be told, and work goes
// on; so it does when a signal comes while a reader keeps it waiting.
void put(std::string_view text) {
  while (!text.empty()) {
    auto const written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR && !interrupted_by()) continue;
    if (written < 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// Lines for a person: whatever in them could steer a terminal is spelled out.
std::string safe(std::string const& lines) {
  std::string text;
  for (size_t begin = 0; begin <= lines.size();) {
    auto const end = std::min(lines.find_first_of("\n\t", begin), lines.size());
    text += nnc::printable(lines.substr(begin, end - begin));
    if (end < lines.size()) text += lines[end];
    begin = end + 1;
  }
  return text;
}

std::string bar(double part) {
  constexpr int width = 10;
  int const full = static_cast<int>(part * width + 0.5);
  return std::string(static_cast<size_t>(full), '=') + std::string(static_cast<size_t>(width - full), ' ');
}

} // namespace

std::string table_text(nnc::Table const& table) {
  size_t const rows = table.shape.empty() ? 1 : static_cast<size_t>(table.shape[0]);
  size_t const columns = rows > 0 ? table.values.size() / rows : 0;
  std::vector<std::string> cells;
  size_t width = 0, name_width = 0;
  for (double const value : table.values) {
    bool const whole = std::abs(value) < 1e15 && value == std::floor(value);
    cells.push_back(whole ? fmt::format("{:.0f}", value) : number_text(value));
    width = std::max(width, cells.back().size());
  }
  std::vector<std::string> names = table.rows;
  for (size_t i = names.size(); i < rows; ++i) names.push_back(std::to_string(i));
  for (auto const& name : names) name_width = std::max(name_width, name.size());
  std::string text;
  for (size_t i = 0; i < rows; ++i) {
    text += fmt::format("  {:<{}}", names[i], name_width);
    for (size_t k = 0; k < columns; ++k) text += fmt::format("  {:>{}}", cells[i * columns + k], width);
    text += "\n";
  }
  return text;
}

std::string number_text(double value) {
  auto const size = std::fabs(value);
  if (std::isnan(value)) return "nan"; // of either sign
  if (value == 0 || (size >= 1e-3 && size < 1e5)) return fmt::format("{:.4f}", value);
  return fmt::format("{:.4g}", value);
}

std::string numbers_text(std::vector<nnc::Number> const& numbers) {
  std::string text;
  for (auto const& number : numbers)
    text += fmt::format("{}{} {}", text.empty() ? "" : "  ", number.name, number_text(number.value));
  return text;
}

std::string grouped(std::int64_t count) {
  auto text = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

Screen::Screen(bool plain)
    : terminal_(::isatty(STDERR_FILENO) && !is_dumb()), colors_(terminal_ && !plain && !is_set("NO_COLOR")) {}

void Screen::clear() {
  if (shown_) put("\r\x1b[K");
  shown_ = false;
}

void Screen::say(std::string const& line) { put_line(safe(line)); }

void Screen::put_line(std::string const& line) {
  clear();
  put(line + "\n");
}

void Screen::error(std::string const& text) { say_with("error:", "\x1b[1;31m", text); }
void Screen::warning(std::string const& text) { say_with("warning:", "\x1b[1;35m", text); }

void Screen::say_with(std::string const& word, char const* color, std::string const& text) {
  auto const at = text.find(word);
  if (!colors_ || at == std::string::npos) return say(text);
  put_line(safe(text.substr(0, at)) + color + word + "\x1b[0m" + safe(text.substr(at + word.size())));
}

void Screen::progress(nnc::Progress const& p) {
  if (!terminal_ || (last_ >= 0 && p.seconds - last_ < seconds_between_lines)) return;
  last_ = p.seconds;
  auto const part = p.examples > 0 ? std::min(1.0, static_cast<double>(p.done) / static_cast<double>(p.examples)) : 1.0;
  auto line = fmt::format("epoch {}/{} [{}] {:3.0f} %  {}  {}/s", p.epoch, p.epochs, bar(part), 100 * part,
                          numbers_text(p.values), grouped(static_cast<std::int64_t>(p.examples_per_second)));
  if (line.size() >= columns()) line.resize(columns() - 1);
  clear();
  put(line);
  shown_ = true;
}

void Screen::epoch(nnc::Milestone const& m, std::int64_t epochs) {
  auto line =
      fmt::format("epoch {}{}  {}", m.epoch, epochs > 0 ? fmt::format("/{}", epochs) : "", numbers_text(m.values));
  if (!m.validation.empty()) line += "  validation: " + numbers_text(m.validation);
  say(line + fmt::format("  epoch {:.2f} s  total {:.2f} s  {} examples/s", m.seconds_of_epoch, m.seconds,
                         grouped(static_cast<std::int64_t>(m.examples_per_second))));
}

} // namespace command
