using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace CsiLocal.Cli;

/// <summary>The usual help; at the root also examples and the exit codes.</summary>
internal sealed class HelpWithEpilogue(HelpAction inner) : SynchronousCommandLineAction
{
    private const string Epilogue = """
        Examples:
          csilocal serve --config /etc/csilocal/config.yaml
          csilocal volume create data --size 10Gi
          csilocal volume mount data /mnt/data
          csilocal snapshot create data data-monday
          csilocal snapshot restore data-monday data-again
          csilocal volume list --output json
          csilocal explain data --since 2h
          csilocal doctor
          csilocal bench --volumes 50 --parallel 4

        Exit codes (doctor: 1 warnings, 2 errors):
            0  done
            1  failed
            2  wrong usage, or an argument the daemon refuses
            3  not found
            4  already exists, and is another
            5  no space left, or no such size to be had
            6  in use, or not allowed in its present state
            7  busy, or not finished in time: try again
            8  daemon not reachable or not ready
          130  interrupted

        """;

    // Help is asked for with whatever else is on the line.
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var code = inner.Invoke(parseResult);
        if (parseResult.CommandResult.Command is RootCommand)
            parseResult.InvocationConfiguration.Output.WriteLine(Epilogue);
        return code;
    }
}
