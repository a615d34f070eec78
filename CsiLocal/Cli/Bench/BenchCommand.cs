using System.CommandLine;
using System.Security.Cryptography;
using CsiLocal.Cli.Daemon;
using CsiLocal.Volumes;

namespace CsiLocal.Cli.Bench;

/// <summary><c>csilocal bench</c>.</summary>
internal static class BenchCommand
{
    private const long DefaultSizeBytes = 1L << 30;

    public static Command Create(CommandHost host)
    {
        var volumes = Count("--volumes", "How many volumes to take through their life (default 50).", 50);
        var parallel = Count("--parallel", "How many of them at a time (default 1).", 1);
        var size = CommonArguments.Size("--size", "Size of each volume (default 1Gi).");
        var filesystem = new Option<string?>("--fs") { Description = "File system to ask for (default ext4).", HelpName = "FS" };
        var block = new Option<bool>("--block") { Description = "Raw block volumes." };
        var parameters = CommonArguments.Parameters();
        var stagingRoot = Folder("--staging-dir", "Folder for the staging paths (default: a temporary one).");
        var targetRoot = Folder("--target-dir", "Folder for the target paths (default: a temporary one).");
        var until = new Option<BenchStep?>("--until")
        {
            Description = "Last step to measure: create, stage, publish or delete; the rest is only cleaned up (default delete).",
            HelpName = "STEP",
            CustomParser = result => result.ParseWord(
                ("create", BenchStep.Create), ("stage", BenchStep.Stage), ("publish", BenchStep.Publish), ("delete", BenchStep.Delete)),
        };
        until.CompletionSources.Add("create", "stage", "publish", "delete");
        var reads = new Option<int>("--reads")
        {
            Description = "Rounds of ListVolumes (100 a page), GetCapacity and ControllerGetVolume to measure as well (default none).",
            HelpName = "N",
        };
        var republish = new Option<int>("--republish")
        {
            Description = "Rounds of unpublishing and publishing each volume to measure as well, once they are up (default none).",
            HelpName = "N",
        };
        var keep = new Option<bool>("--keep") { Description = "Leave the volumes as they are at the end." };

        var command = new Command("bench", "Measures any CSI endpoint: how long each call takes, and how many a second it can do.")
        {
            volumes, parallel, size, filesystem, block, parameters, stagingRoot, targetRoot, until, reads, republish, keep,
        };
        host.SetAction(command, async (parsed, session, cancellationToken) =>
        {
            var mode = AccessMode.SingleNodeWriter;
            var given = new Dictionary<string, string>();
            CommonArguments.AddParameters(given, parsed.GetValue(parameters));
            using var folders = new BenchFolders(parsed.GetValue(stagingRoot), parsed.GetValue(targetRoot));
            var plan = new BenchPlan
            {
                Volumes = parsed.GetValue(volumes),
                Parallel = parsed.GetValue(parallel),
                SizeBytes = parsed.GetValue(size) ?? DefaultSizeBytes,
                Capability = parsed.GetValue(block)
                    ? Capabilities.Block(mode)
                    : Capabilities.Mount(parsed.GetValue(filesystem) ?? "ext4", mode, []),
                Parameters = given,
                Until = parsed.GetValue(until) ?? BenchStep.Delete,
                Reads = parsed.GetValue(reads),
                Republish = parsed.GetValue(republish),
                Keep = parsed.GetValue(keep),
                StagingRoot = folders.Staging,
                TargetRoot = folders.Target,
                NamePrefix = $"bench-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}",
            };
            return await RunAsync(session, plan, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, BenchPlan plan, CancellationToken cancellationToken)
    {
        var runner = new BenchRunner(session.Daemon, plan, session.Environment.Time);
        var result = await session.Progress.RunQuietlyAsync($"{plan.Volumes} volumes",
            report => runner.RunAsync(report, cancellationToken));
        BenchReport.Write(session.Report, plan, result, session.Daemon.Endpoint);
        return result switch
        {
            { Interrupted: true } => ExitCode.Interrupted,
            { Errors.Count: > 0 } or { Leftovers.Count: > 0 } => ExitCode.Failed,
            _ => ExitCode.Success,
        };
    }

    private static Option<int> Count(string name, string description, int otherwise) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => otherwise,
        CustomParser = result => result.ParseText<int?>(
            text => int.TryParse(text, out var number) && number > 0 ? number : null, "a number from 1 on") ?? otherwise,
    };

    private static Option<string?> Folder(string name, string description) => new(name) { Description = description, HelpName = "FOLDER" };
}
