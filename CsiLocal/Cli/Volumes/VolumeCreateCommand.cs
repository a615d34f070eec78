using System.CommandLine;
using CsiLocal.Cli.Daemon;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume create</c>.</summary>
internal static class VolumeCreateCommand
{
    public static Command Create(CommandHost host)
    {
        var name = new Argument<string>("NAME") { Description = "Name of the new volume; its id is derived from it." };
        var size = CommonArguments.Size("--size", "Size of the volume, such as 10Gi.", required: true);
        var limit = CommonArguments.Size("--limit", "The most it may become by rounding up.");
        var pool = new Option<string?>("--pool") { Description = "Pool to take it from (default: the configured one).", HelpName = "POOL" };
        pool.CompletionSources.Add(context => DynamicCompletion.Pools(host, context.ParseResult));
        var filesystem = CommonArguments.Filesystem("File system to put on it (default: the driver's choice).");
        var block = new Option<bool>("--block") { Description = "A raw block device without a file system." };
        var mode = CommonArguments.AccessModeOption();
        var mkfsOptions = new Option<string?>("--mkfs-options")
        {
            Description = "Options for mkfs, such as \"-m 0\".",
            HelpName = "OPTIONS",
        };
        var preallocate = new Option<bool>("--preallocate") { Description = "Allot every block now instead of when first written." };
        var parameters = CommonArguments.Parameters();

        var command = new Command("create", "Creates a volume.")
        {
            name, size, limit, pool, filesystem, block, mode, mkfsOptions, preallocate, parameters,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(block) && result.GetValue(filesystem) is not null)
                result.AddError("--block and --fs exclude each other: a raw device gets no file system");
        });
        host.SetAction(command, (parsed, session, cancellationToken) =>
        {
            var request = new Proto.CreateVolumeRequest
            {
                Name = parsed.GetValue(name)!,
                CapacityRange = new Proto.CapacityRange
                {
                    RequiredBytes = parsed.GetValue(size)!.Value,
                    LimitBytes = parsed.GetValue(limit) ?? 0,
                },
            };
            request.VolumeCapabilities.Add(parsed.GetValue(block)
                ? Capabilities.Block(parsed.GetValue(mode))
                : Capabilities.Mount(parsed.GetValue(filesystem) ?? "", parsed.GetValue(mode), []));
            AddIfGiven(request, "pool", parsed.GetValue(pool));
            AddIfGiven(request, "mkfsOptions", parsed.GetValue(mkfsOptions));
            AddIfGiven(request, "preallocate", parsed.GetValue(preallocate) ? "true" : null);
            CommonArguments.AddParameters(request.Parameters, parsed.GetValue(parameters));
            return RunAsync(session, request, $"creation of {request.Name}", cancellationToken);
        });
        return command;
    }

    /// <summary>Creates what the request says, sees copies and erasures through, and shows the volume.</summary>
    public static async Task<int> RunAsync(
        CommandSession session, Proto.CreateVolumeRequest request, string what, CancellationToken cancellationToken)
    {
        var daemon = session.Daemon;
        var response = await session.LongWork.RunAsync(
            what, VolumeId.Mint(request.Name).Value,
            token => daemon.CallAsync(options => daemon.Controller.CreateVolumeAsync(request, options), token), cancellationToken);

        var volume = await References.VolumeAsync(daemon, response.Volume.VolumeId, cancellationToken);
        VolumeReport.Changed(session.Report, volume,
            $"{volume.Name}: {VolumeReport.SizeAndType(volume)} in pool {volume.Pool}, id {volume.VolumeId}");
        return ExitCode.Success;
    }

    private static void AddIfGiven(Proto.CreateVolumeRequest request, string key, string? value)
    {
        if (value is not null)
            request.Parameters.Add(key, value);
    }
}
