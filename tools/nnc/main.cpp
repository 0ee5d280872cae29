// The nnc command: reads the command line, does its jobs, and says in the exit status how it went.
#include "nnc/nnc.hpp"
#include "tools/nnc/chronicle.h"
#include "tools/nnc/data_info.h"
#include "tools/nnc/folds.h"
#include "tools/nnc/jobs.h"
#include "tools/nnc/output.h"
#include "tools/nnc/words.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

namespace command {
namespace {

// A bug leaves the program behind that shows it, and says how to show it again.
void report_bug(nnc::Failure const& failure, Screen& screen) {
  screen.error(fmt::format("error: {}", failure.what()));
  screen.say("this is a mistake in nnc, not in your program");
  if (failure.reproducer.empty()) return;
  auto const file = fmt::format("nnc-bug-{}.ir", ::getpid());
  try {
    write_output(file, failure.reproducer);
    screen.say(fmt::format("the program stands in {}; nnc {} {} shows it again", file, file, failure.switches));
  } catch (nnc::Failure const& no_file) {
    screen.error(no_file.what());
  }
}

Status report(nnc::Failure const& failure, Screen& screen) {
  if (failure.code == nnc::Code::bug) {
    report_bug(failure, screen);
    return bug;
  }
  screen.error(in_switches(failure.what()));
  return wrong;
}

Status report(Mistake const& mistake, std::string const& help, Screen& screen) {
  auto text = fmt::format("error: {}", nnc::printable(mistake.message));
  if (!help.empty()) text += fmt::format("\nhelp: {}", nnc::printable(help));
  screen.error(text);
  return misused;
}

Status jobs_of(Line const& line) {
  Screen screen(line.no_color);
  try {
    if (auto const folds = folds_of(line)) return run_folds(line, *folds, screen);
    if (line.logs.empty()) return run_jobs(line, screen);
    plot_logs(line);
    return done;
  } catch (Mistake const& mistake) { // files that clash
    return report(mistake, mistake.help, screen);
  } catch (nnc::Failure const& failure) {
    return report(failure, screen);
  } catch (std::bad_alloc const&) {
    screen.error("error: out of memory");
    return wrong;
  } catch (std::exception const& error) {
    screen.error(fmt::format("error: bug in nnc: {}", error.what()));
    return bug;
  }
}

std::string help_for(Mistake const& mistake) {
  if (!mistake.help.empty()) return mistake.help;
  return mistake.meant.empty() ? "nnc --help lists the switches" : fmt::format("did you mean '{}'?", mistake.meant);
}

std::string version_text() {
  auto const build = nnc::build();
  return fmt::format("nnc {}\nLLVM {}\n{} on {}\n", build.version, build.llvm, build.cpu, build.target);
}

Status run(int count, char const* const* words) {
  Screen screen(false);
  try {
    auto const line = parse(count, words);
    if (line.help) write_output("", help_text());
    else if (line.version) write_output("", version_text());
    else if (line.doc) write_output("", documentation_text(*line.doc));
    else if (line.data_info && line.file.empty()) write_output(line.output, data_info_text(line));
    else if (!line.completions.empty()) write_output("", completion_script(line.completions));
    else return jobs_of(line);
    return done;
  } catch (Mistake const& mistake) {
    return report(mistake, help_for(mistake), screen);
  } catch (nnc::Failure const& failure) { // not even an error could be written
    screen.error(failure.what());
    return wrong;
  }
}

// A reader who has gone, or a limit of the size of files, is an error of one write and not the end of a training. Where
// 0, 1 or 2 is closed the next file that is opened would get its number, and words would go into a checkpoint: that
// number is taken here by something that cannot be written.
void prepare_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (int number; (number = ::open("/dev/null", O_RDONLY)) >= 0;)
    if (number > STDERR_FILENO) {
      ::close(number);
      return;
    }
}

} // namespace
} // namespace command

// Ends without tearing down: the system takes memory and threads back faster than destructors do.
int main(int count, char** words) {
  command::prepare_streams();
  auto const status = command::run(count, words);
  std::fflush(stdout);
  ::_exit(status);
}
