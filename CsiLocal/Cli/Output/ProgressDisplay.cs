using System.Globalization;
using Spectre.Console;

namespace CsiLocal.Cli.Output;

/// <summary>Shows how far long work is: a bar on a terminal, else one line for each tenth, always on standard error.</summary>
internal sealed class ProgressDisplay(CliEnvironment environment, bool color)
{
    /// <summary>Standard error may be a terminal while standard output, whose width we know, is a pipe.</summary>
    private const int MaxWidth = 80;

    /// <param name="what">What is being done.</param>
    /// <param name="work">Is given the means to report done and total bytes.</param>
    public Task<T> RunAsync<T>(string what, Func<Action<long, long>, Task<T>> work) =>
        environment.ErrorIsTerminal ? RunWithBarAsync(what, work) : RunWithLinesAsync(what, work);

    /// <summary>A bar on a terminal, else nothing: for work whose result is what matters.</summary>
    public Task<T> RunQuietlyAsync<T>(string what, Func<Action<long, long>, Task<T>> work) =>
        environment.ErrorIsTerminal ? RunWithBarAsync(what, work) : work((_, _) => { });

    private Task<T> RunWithBarAsync<T>(string what, Func<Action<long, long>, Task<T>> work)
    {
        // A bar is drawn over itself, which needs escape sequences even where colours are not wanted.
        var console = Consoles.Create(environment.Error, Math.Min(environment.Width, MaxWidth), ansi: true);
        if (!color)
            console.Profile.Capabilities.ColorSystem = ColorSystem.NoColors;

        return console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 24 }, new PercentageColumn(),
                new RemainingTimeColumn())
            .StartAsync(context =>
            {
                var bar = context.AddTask(Markup.Escape(PlainText.OneLine(what)));
                bar.IsIndeterminate = true;
                return work((done, total) =>
                {
                    if (total <= 0)
                        return;
                    bar.IsIndeterminate = false;
                    bar.MaxValue = total;
                    bar.Value = done;
                });
            });
    }

    private Task<T> RunWithLinesAsync<T>(string what, Func<Action<long, long>, Task<T>> work)
    {
        var shown = -1L;
        return work((done, total) =>
        {
            var tenth = total <= 0 ? -1 : (long)((Int128)done * 10 / total);
            if (tenth <= shown)
                return;
            shown = tenth;
            environment.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{what}: {tenth * 10} % ({PlainText.Size(done)} of {PlainText.Size(total)})"));
        });
    }
}
