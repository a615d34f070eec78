using System.CommandLine;
using System.Text.Json;
using CsiLocal.Admin.V1;
using CsiLocal.Cli.Output;
using CsiLocal.Volumes;

namespace CsiLocal.Cli.Volumes;

/// <summary><c>csilocal volume adopt</c>.</summary>
internal static class VolumeAdoptCommand
{
    private static readonly TableColumn[] Columns =
    [
        new("SOURCE", MayFold: true), new("FROM"), new("SIZE", IsNumber: true), new("TYPE"), new("NAME", MayFold: true), new("PROBLEM", MayFold: true),
    ];

    public static Command Create(CommandHost host)
    {
        var source = new Argument<string?>("SOURCE")
        {
            Description = "A logical volume as VG/LV, or the absolute path of an image or directory; with --list, a folder.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var pool = new Option<string>("--pool") { Description = "Pool that it comes into; it has to lie there already.", HelpName = "POOL", Required = true };
        pool.CompletionSources.Add(context => DynamicCompletion.Pools(host, context.ParseResult));
        var list = new Option<bool>("--list") { Description = "Show what there is to be adopted." };
        var name = new Option<string?>("--name") { Description = "Name of the volume (default: as it is called now).", HelpName = "NAME" };
        var filesystem = CommonArguments.Filesystem("What has to be on it (default: whichever of these is).");
        var block = new Option<bool>("--block") { Description = "As a raw block device, whatever is on it." };
        var size = CommonArguments.Size("--size", "Limit of a directory.");
        var from = CommonArguments.OneOf("--from", "Who made it (default: by its name and tags).", [.. ForeignLayouts.Words]);
        var dryRun = new Option<bool>("--dry-run") { Description = "Show what would be done, and do nothing." };
        var volumeName = new Option<string?>("--pv-name") { Description = "Name of the PersistentVolume (default: that of the volume, or its id).", HelpName = "NAME" };
        var storageClass = new Option<string?>("--storage-class") { Description = "StorageClass of the PersistentVolume.", HelpName = "NAME" };
        var claim = new Option<string?>("--claim") { Description = "The one claim that may have the PersistentVolume.", HelpName = "NAMESPACE/NAME" };
        var command = new Command("adopt", "Takes a volume that others made under management, as it is, and prints its PersistentVolume.")
        {
            source, pool, list, name, filesystem, block, size, from, dryRun, volumeName, storageClass, claim,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(source) is null && !result.GetValue(list))
                result.AddError("Name what is to be adopted, or say --list");
            if (result.GetValue(list) && result.GetValue(dryRun))
                result.AddError("--list and --dry-run exclude each other: neither changes anything");
            if (result.GetValue(block) && result.GetValue(filesystem) is not null)
                result.AddError("--block and --fs exclude each other: a raw device has no file system");
            if (result.GetValue(volumeName) is { } given && !PersistentVolumeManifest.IsName(given))
                result.AddError($"--pv-name: '{given}' is no name for a PersistentVolume; use lower-case letters, digits, '-' and '.'");
            if (result.GetValue(claim) is { } wanted && ClaimOf(wanted) is null)
                result.AddError($"--claim: '{wanted}' is not NAMESPACE/NAME");
        });
        host.SetAction(command, (parsed, session, cancellationToken) =>
        {
            if (parsed.GetValue(list))
                return ListAsync(session, new ListAdoptableRequest { Pool = parsed.GetValue(pool), Folder = parsed.GetValue(source) ?? "" }, cancellationToken);

            var request = new AdoptVolumeRequest
            {
                Source = parsed.GetValue(source)!,
                Pool = parsed.GetValue(pool),
                Name = parsed.GetValue(name) ?? "",
                Filesystem = parsed.GetValue(filesystem) ?? "",
                Block = parsed.GetValue(block),
                SizeBytes = parsed.GetValue(size) ?? 0,
                Layout = parsed.GetValue(from) ?? "",
            };
            return parsed.GetValue(dryRun)
                ? PlanAsync(session, request, cancellationToken)
                : AdoptAsync(session, request, answer => Manifest(answer, parsed.GetValue(volumeName), parsed.GetValue(storageClass), parsed.GetValue(claim)), cancellationToken);
        });
        return command;
    }

    private static async Task<int> AdoptAsync(
        CommandSession session, AdoptVolumeRequest request, Func<AdoptVolumeResponse, PersistentVolumeManifest> manifest, CancellationToken cancellationToken)
    {
        // A directory is walked where its files have to be counted.
        var answer = await session.LongWork.RunAsync(
            $"adoption of {request.Source}", request.Source,
            token => session.Daemon.CallAsync(call => session.Daemon.Admin.AdoptVolumeAsync(request, call), token), cancellationToken);
        session.Report.Manifest(manifest(answer));
        var volume = answer.Volume;
        Note(session, $"{volume.Name}: {(answer.AdoptedBefore ? "was adopted before" : "is adopted")}, {VolumeReport.SizeAndType(volume)} in pool {volume.Pool}, id {volume.VolumeId}; it was {answer.Source}");
        foreach (var note in answer.Notes)
            Note(session, note);
        return ExitCode.Success;
    }

    private static async Task<int> PlanAsync(CommandSession session, AdoptVolumeRequest request, CancellationToken cancellationToken)
    {
        var answer = await session.Daemon.CallAsync(call => session.Daemon.Admin.PlanAdoptionAsync(request, call), cancellationToken);
        var volume = answer.Volume;
        session.Report.Json(new PlanJson(answer));
        session.Report.Properties(
        [
            new("Source", answer.Source),
            new("From", answer.Layout),
            new("Becomes", volume.Location),
            new("Name", volume.Name),
            new("Id", volume.VolumeId),
            new("Pool", $"{volume.Pool} ({volume.Backend})"),
            new("Size", $"{PlainText.Size(volume.SizeBytes)} ({volume.SizeBytes} bytes)"),
            new("Type", VolumeReport.Type(volume)),
            new("Filesystem UUID", volume.FilesystemUuid),
            .. answer.Notes.Select(static note => new Property("Note", note)),
        ]);
        session.Report.Line(answer.AdoptedBefore ? "It was adopted before; nothing is to be done" : "Nothing was changed");
        return ExitCode.Success;
    }

    private static async Task<int> ListAsync(CommandSession session, ListAdoptableRequest request, CancellationToken cancellationToken)
    {
        var found = (await session.Daemon.CallAsync(call => session.Daemon.Admin.ListAdoptableAsync(request, call), cancellationToken)).Candidates;
        session.Report.Json([.. found.Select(static candidate => new CandidateJson(candidate))]);
        if (found.Count == 0)
            session.Report.Line("Nothing there that could be adopted");
        else
            session.Report.Table(Columns, found.Select(Row));
        return ExitCode.Success;
    }

    private static IReadOnlyList<string> Row(Adoptable candidate) =>
    [
        candidate.Source, candidate.Layout, candidate.SizeBytes == 0 ? PlainText.None : PlainText.Size(candidate.SizeBytes), PlainText.OrNone(candidate.Filesystem),
        candidate.Name, PlainText.OrNone(candidate.Problem),
    ];

    private static PersistentVolumeManifest Manifest(AdoptVolumeResponse answer, string? name, string? storageClass, string? claim) => new()
    {
        Name = name ?? (PersistentVolumeManifest.IsName(answer.Volume.Name) ? answer.Volume.Name : answer.Volume.VolumeId),
        DriverName = answer.DriverName,
        Volume = answer.CsiVolume,
        IsBlock = Daemon.Capabilities.IsBlock(answer.Volume),
        Filesystem = answer.Volume.Filesystem,
        StorageClass = storageClass,
        Claim = claim is null ? null : ClaimOf(claim),
    };

    private static (string Namespace, string Name)? ClaimOf(string text) =>
        text.Split('/') is [var space, var name] && PersistentVolumeManifest.IsName(space) && PersistentVolumeManifest.IsName(name) ? (space, name) : null;

    // Standard output is the manifest's alone: it goes to kubectl.
    private static void Note(CommandSession session, string text) => session.Environment.Error.WriteLine(PlainText.OneLine(text));

    private sealed record PlanJson(AdoptVolumeResponse Answer) : IJsonShape
    {
        public void Write(Utf8JsonWriter json)
        {
            json.WriteString("source", Answer.Source);
            json.WriteString("from", Answer.Layout);
            json.WriteBoolean("adoptedBefore", Answer.AdoptedBefore);
            json.WriteTexts("notes", Answer.Notes);
            json.WriteStartObject("volume");
            VolumeReport.ToJson(Answer.Volume).Write(json);
            json.WriteEndObject();
        }
    }

    private sealed record CandidateJson(Adoptable Candidate) : IJsonShape
    {
        public void Write(Utf8JsonWriter json)
        {
            json.WriteString("source", Candidate.Source);
            json.WriteString("from", Candidate.Layout);
            json.WriteNumber("sizeBytes", Candidate.SizeBytes);
            json.WriteString("filesystem", PlainText.NullIfEmpty(Candidate.Filesystem));
            json.WriteString("name", Candidate.Name);
            json.WriteString("problem", PlainText.NullIfEmpty(Candidate.Problem));
        }
    }
}
