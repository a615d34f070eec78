using Spectre.Console;

namespace CsiLocal.Cli.Output;

/// <summary>Makes the rendering consoles; nothing is detected from the process, what is known is said.</summary>
internal static class Consoles
{
    public static IAnsiConsole Create(TextWriter writer, int width, bool ansi)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = ansi ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = ansi ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = ansi ? InteractionSupport.Yes : InteractionSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = width;
        return console;
    }
}
