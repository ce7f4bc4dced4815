<#
.SYNOPSIS
Checks some addresses each night, and writes the text of a mail if something changed.

.DESCRIPTION
A runbook for a scheduled task. The reports are kept in a file, and the next night's
are compared with them, so that only what is new, gone or not known any more is told.
Writes nothing where all is as it was.

.PARAMETER Address
The sign-in addresses to check, such as one for each site.

.PARAMETER StatePath
The file that keeps the reports of the last time, as -RecordPath writes them.

.EXAMPLE
$text = .\Watch-SignIn.ps1 -Address probe1@contoso.com, probe2@contoso.com -StatePath .\state.ndjson
if ($text) { Send-MgUserMail -UserId watch@contoso.com -Message @{ subject = 'Lync sign-in'; body = @{ content = $text }; toRecipients = @(@{ emailAddress = @{ address = 'uc@contoso.com' } }) } }
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)]
    [string[]] $Address,

    [Parameter(Mandatory = $true)]
    [string] $StatePath
)

$ErrorActionPreference = 'Stop' # a module does not see it: below it is said again
Import-Module (Join-Path -Path $PSScriptRoot -ChildPath 'LyncDiag')

$latest = $StatePath + '.new'
# In one pipeline, so that all addresses are looked at by one run.
$reports = @($Address | Test-LyncSignIn -RecordPath $latest -ErrorAction Stop)
$lines = New-Object -TypeName 'System.Collections.Generic.List[string]'
if (Test-Path -LiteralPath $StatePath) {
    $changes = @(Compare-LyncReport -Before $StatePath -After $latest -ErrorAction Stop)
}
else {
    # The first night everything is new.
    $changes = @(foreach ($report in $reports) {
            foreach ($finding in $report.findings) {
                $finding | Select-Object -Property *, @{ Name = 'address'; Expression = { $report.target.address } }, @{ Name = 'change'; Expression = { 'appeared' } }, @{ Name = 'new'; Expression = { $finding.severity -ne 'info' } }, @{ Name = 'why'; Expression = { '' } }
            }
        })
}
foreach ($change in $changes) {
    # Roots alone: what they explain comes and goes with them.
    if ($change.severity -eq 'info' -or $change.causedBy -ne '') {
        continue
    }
    if ($change.new) {
        $lines.Add(('{0}: NEW {1} ({2}). {3}' -f $change.address, $change.title, $change.name, $change.resolution[0]))
    }
    elseif ($change.change -eq 'gone') {
        $lines.Add(('{0}: gone: {1} ({2})' -f $change.address, $change.title, $change.name))
    }
    elseif ($change.change -eq 'unknown') {
        $lines.Add(('{0}: not known any more: {1} ({2}), as {3}' -f $change.address, $change.title, $change.name, $change.why))
    }
}
# A run that was cut short is no state to hold the next one against.
if (@($reports | Where-Object { -not $_.complete }).Count -eq 0) {
    Move-Item -LiteralPath $latest -Destination $StatePath -Force
}
if ($lines.Count -gt 0) {
    $lines -join [Environment]::NewLine
}
